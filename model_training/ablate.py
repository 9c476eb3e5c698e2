"""Train and score variants of a network side by side: `python -m model_training.ablate`.

Every variant learns from the same scenes for the same number of steps, once for each seed. Of one seed all begin with
the same encoder, which is trained once. Killed at any moment, the same command goes on. After every run the tables and
the plot in the output folder are written anew.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch

from model_training import configs
from model_training.configs.schema import Config
from model_training.datasets.rendering import load_shards, render_shards
from model_training.datasets.scene_batches import Pool, tabletop_vocabulary
from model_training.learning import checkpoint
from model_training.learning.precision import of_machine
from model_training.learning.validation import score
from model_training.networks.config import NetworkConfig
from model_training.networks.kinds import system_of
from model_training.paper import comparison
from model_training.paper.systems import OF_THE_TABLES, VARIANTS, varied
from model_training.train import add_machine, train
from refseg_ros.command import command, program
from refseg_ros.files import write_bytes
from refseg_ros.simulation.phrases import ALL_PAIRS

FIRST_SEED = 8_000_000
"""Of the scenes that are scored; nothing else looks at them."""

ENCODER = "encoder."


class Ablation:
    """The runs of one folder, all of one precision.

    Args:
        config: of the network that the others are variants of; its phases are everyone's budget.
        out: folder of the runs and of what is reported of them.
        data: folder of rendered scenes.
        scenes: how many are scored.
        workers: rendering processes.
        device: to train on.

    Raises:
        ValueError: the folder holds runs of another configuration, or a variant is not possible.
        OSError: it cannot be written.
    """

    def __init__(self, config: Config, out: Path, data: Path, scenes: int, workers: int, device: torch.device) -> None:
        self.config, self.out, self.data, self.workers, self.device = config, out, data, workers, device
        self.scored = replace(config.scenes, split="held_out", first_seed=FIRST_SEED, scenes=scenes)
        settings = out / "settings.json"
        text = json.dumps({"config": asdict(config), "scored": asdict(self.scored)}, indent=1)
        if settings.exists() and settings.read_text() != text:
            raise ValueError(f"{settings}: of runs with other settings; use another --out")
        out.mkdir(parents=True, exist_ok=True)
        write_bytes(settings, text.encode())

    def run(self, variants: list[str], seeds: int) -> None:
        """Train and score what is not done yet, a seed at a time, and report after each."""
        for seed in range(seeds):
            for name in variants:
                folder = self._folder(name, seed)
                if not (folder / "score.json").exists():
                    print(f"{name}, seed {seed}")
                    write_bytes(folder / "score.json", json.dumps(self._trained_and_scored(name, seed)).encode())
                    self.report()
        self.report()

    def report(self) -> None:
        """Write `ablation.md` and `ablation.png` of all runs in the folder that are through."""
        steps = ", ".join(f"{phase.steps} of phase {phase.name}" for phase in self.config.phases)
        settings = (
            f"Configuration `{self.config.name}`, the same steps for each ({steps}), scored by the masks of what is "
            f"there in {self.scored.scenes} scenes of the held-out split."
        )
        figures = self.figures()
        write_bytes(self.out / "ablation.md", comparison.markdown(figures, settings).encode())
        comparison.plot(figures, self.out / "ablation.png")

    def figures(self) -> dict[str, list[float]]:
        """Overall IoU of each variant's seeds, NaN of a run that diverged."""
        found: dict[str, list[float]] = {}
        for name in VARIANTS:
            scores = [json.loads(path.read_text()) for path in sorted(self.out.glob(f"{name}-seed*/score.json"))]
            if scores:
                found[name] = [math.nan if "failed" in one else float(one["overall IoU"]) for one in scores]
        return found

    def _folder(self, name: str, seed: int) -> Path:
        return self.out / f"{name}-seed{seed}"

    def _trained_and_scored(self, name: str, seed: int) -> dict[str, object]:
        config = replace(self.config, network=varied(self.config.network, name), seed=seed)
        folder = self._folder(name, seed)
        start = self._start(config, folder)
        try:
            finished = train(config, folder, self.data, self.workers, self.device, start)
        except FloatingPointError as error:
            return {"failed": str(error)}
        model = system_of(config.network).to(self.device)
        model.load_state_dict(checkpoint.load(finished)[0])
        scenes = list(load_shards(render_shards(self.scored, self.data, self.workers)))
        scores = score(model.eval(), Pool(scenes, pairs=ALL_PAIRS), tabletop_vocabulary())
        print(scores)
        whole = scores.whole
        return {"overall IoU": whole.overall, "mean IoU": whole.mean, "expressions": len(whole)}

    def _start(self, config: Config, folder: Path) -> Path | None:
        """Weights of a new network with the seed's encoder in it; None where no phase trains an encoder alone."""
        phases = tuple(phase for phase in config.phases if not phase.expressions)
        if not phases:
            return None
        torch.manual_seed(config.seed)
        weights = system_of(config.network).state_dict()
        alone = replace(self.config, phases=phases, seed=config.seed)
        shared = self._folder("encoder", config.seed)
        trained = shared / "model.safetensors"
        if not trained.exists():
            train(alone, shared, self.data, self.workers, self.device)
        known = checkpoint.load(trained)[0]
        weights |= {key: known[key] for key in weights if key.startswith(ENCODER)}
        start = folder / "start.safetensors"
        checkpoint.save(start, weights, {"config": config.name})
        return start


def within(config: Config, budget: float) -> Config:
    """A configuration with a share of the steps of each phase, one at least."""
    phases = (replace(phase, steps=max(1, round(budget * phase.steps))) for phase in config.phases)
    return replace(config, phases=tuple(phases))


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
    parser.add_argument(
        "--config", choices=configs.CONFIGS, default="tabletop", help="of the network (default: tabletop)"
    )
    parser.add_argument("--seeds", type=int, default=3, help="runs of each (default: 3)")
    parser.add_argument("--budget", type=float, default=1.0, help="share of the configuration's steps (default: 1)")
    parser.add_argument("--scenes", type=int, default=512, help="how many are scored (default: 512)")
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"), help="folder of runs and tables")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of rendered scenes (default: data)")
    parser.add_argument("--workers", type=int, default=2, help="rendering processes (default: 2)")
    add_machine(parser)
    options = parser.parse_args(arguments)
    for name in options.variants:
        if name not in VARIANTS:
            raise ValueError(f"no variant is called {name!r}; choose of {', '.join(VARIANTS)}")
    for flag, value in (("seeds", options.seeds), ("scenes", options.scenes), ("budget", options.budget)):
        if value <= 0:
            raise ValueError(f"--{flag} is {value}; it must be more than 0")
    config = within(configs.load(options.config), options.budget)
    if not isinstance(config.network, NetworkConfig):
        raise ValueError(f"variants are of the network of cmsa; {config.name} has another")
    if config.scenes is None:
        raise ValueError(f"variants are compared on simulated scenes; {config.name} learns a data set")
    device = torch.device(options.device)
    config = replace(config, precision=of_machine(options.precision or config.precision, device))
    ablation = Ablation(config, options.out, options.data, options.scenes, options.workers, device)
    ablation.run(options.variants or list(OF_THE_TABLES), options.seeds)
    print(f"wrote {options.out / 'ablation.md'} and {options.out / 'ablation.png'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
