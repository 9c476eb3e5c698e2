"""Train and score variants of a network side by side: `python -m model_training.ablate`.

Every variant learns from the same scenes for the same number of steps, once for each seed. All variants of a seed start
from the same encoder, which is trained once. If the command is killed, run it again: it goes on. After every run it
rewrites the tables and the plot in the output folder.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from model_training import configs
from model_training.configs.schema import Config
from model_training.configs.variants import varied
from model_training.learning import checkpoint
from model_training.networks.config import NetworkConfig
from model_training.networks.kinds import system_of
from model_training.paper import comparison
from model_training.paper.systems import OF_THE_TABLES, VARIANTS
from model_training.side_by_side import OVERALL, SideBySide, add_runs, within
from model_training.train import train
from refseg_ros.command import command, program
from refseg_ros.files import write_bytes

ENCODER = "encoder."


class Ablation:
    """Variants of one network, side by side; all of one seed start from the same encoder.

    Args:
        runs: the folder of their runs.
        config: of the network that is varied; every variant trains for its phases.
    """

    def __init__(self, runs: SideBySide, config: Config) -> None:
        self.runs, self.config = runs, config

    def run(self, variants: Sequence[str]) -> None:
        """Train and score what is not done yet, and report.

        Raises:
            ValueError: a variant is not possible.
        """
        configs = {name: varied(self.config, name) for name in variants}
        self.runs.run(configs, self.report, self._start)

    def report(self) -> None:
        """Write `ablation.md` and `ablation.png` from all finished runs in the folder."""
        steps = ", ".join(f"{phase.steps} of phase {phase.name}" for phase in self.config.phases)
        settings = (
            f"Configuration `{self.config.name}`, the same steps for each ({steps}), scored by the masks of what is "
            f"there in {self.runs.scored.scenes} scenes of the held-out split."
        )
        scores = {name: self.runs.scores(name) for name in VARIANTS}
        figures = {name: [score[OVERALL] for score in of_seeds] for name, of_seeds in scores.items() if of_seeds}
        write_bytes(self.runs.out / "ablation.md", comparison.markdown(figures, settings).encode())
        comparison.plot(figures, self.runs.out / "ablation.png")

    def _start(self, config: Config, folder: Path) -> Path | None:
        """Save weights of a new network that has the seed's encoder; None if no phase trains an encoder alone."""
        phases = tuple(phase for phase in config.phases if not phase.expressions)
        if not phases:
            return None
        torch.manual_seed(config.seed)
        weights = system_of(config.network).state_dict()
        alone = replace(self.config, phases=phases, seed=config.seed)
        shared = self.runs.folder("encoder", config.seed)
        trained = shared / "model.safetensors"
        if not trained.exists():
            train(alone, shared, self.runs.data, self.runs.workers, self.runs.device)
        known = checkpoint.load(trained)[0]
        weights |= {key: known[key] for key in weights if key.startswith(ENCODER)}
        start = folder / "start.safetensors"
        checkpoint.save(start, weights, {"config": config.name})
        return start


def can_be_ablated(config: Config) -> bool:
    """Whether a configuration has the network that the variants are of, and learns simulated scenes alone."""
    return isinstance(config.network, NetworkConfig) and config.scenes is not None and config.mix is None


@command(FloatingPointError)
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument(
        "variants",
        nargs="*",
        metavar="VARIANT",
        help=f"of {', '.join(VARIANTS)} (default: those of the paper's Tables 1 and 2)",
    )
    named = ", ".join(name for name, config in configs.CONFIGS.items() if can_be_ablated(config))
    parser.add_argument(
        "--config", metavar="CONFIG", default="tabletop", help=f"of the network, one of {named} (default: tabletop)"
    )
    add_runs(parser, "runs/ablation")
    options = parser.parse_args(arguments)
    for name in options.variants:
        if name not in VARIANTS:
            raise ValueError(f"no variant is called {name!r}; choose of {', '.join(VARIANTS)}")
    config = configs.load(options.config)
    if not can_be_ablated(config):
        raise ValueError(
            f"{config.name} cannot be ablated: variants are of the network of cmsa, and learn simulated scenes alone; "
            f"choose one of {named}"
        )
    assert config.scenes is not None
    config = within(config, options)
    runs = SideBySide(options, {config.name: config}, config.scenes)
    Ablation(runs, config).run(options.variants or OF_THE_TABLES)
    print(f"wrote {options.out / 'ablation.md'} and {options.out / 'ablation.png'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
