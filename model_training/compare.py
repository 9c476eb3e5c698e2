"""Compare CMSA with CFSA, LASTC and VLIDE, with and without their own modules: `python -m model_training.compare`.

Every system learns the same simulated scenes for the same number of steps, once for each seed, and gets the same
questions about scenes that none has seen. If the command is killed, run it again: it goes on. After every run it
rewrites the table in the output folder.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence

from model_training.configs import compared
from model_training.configs.schema import Config
from model_training.learning.precision import convolves_over_time
from model_training.networks.kinds import system_of
from model_training.paper.markdown_table import markdown_table
from model_training.scoring.findings import FITTING
from model_training.scoring.spread import mean_and_spread
from model_training.side_by_side import LAST_FRAME, OVERALL, Score, SideBySide, add_runs, within
from refseg_ros.command import command, program
from refseg_ros.files import write_bytes

COLUMNS = (OVERALL, "mean IoU", *FITTING, *LAST_FRAME.values(), "present kept", "absent told")


def table(configs: Mapping[str, Config], scores: Mapping[str, Sequence[Score]]) -> str:
    """The means over seeds, in percent, with their standard deviations, as Markdown.

    Args:
        configs: the systems by their names.
        scores: those of each system's finished runs.
    """
    rows = []
    for name, config in configs.items():
        parameters = sum(parameter.numel() for parameter in system_of(config.network).parameters())
        rows.append([name, f"{parameters / 1e6:.1f} M", *(_cell(scores[name], figure) for figure in COLUMNS)])
    return markdown_table(["", "parameters", *COLUMNS], rows)


def _cell(scores: Sequence[Score], figure: str) -> str:
    if any(math.isnan(score[OVERALL]) for score in scores):
        figure = OVERALL  # its text says how many diverged
    return mean_and_spread([score[figure] for score in scores if figure in score])


def settings_of(config: Config, runs: SideBySide) -> str:
    """How the systems were trained and scored."""
    (phase,) = config.phases
    return (
        f"{phase.steps} steps of {phase.frames} frames with {phase.expressions} expressions, {runs.scored.width}x"
        f"{runs.scored.height}, {config.precision}; scored on {runs.scored.scenes} scenes of the held-out split. Mean "
        "± standard deviation over seeds (how many), in percent. The IoU is that of the masks of what is there. "
        "`last frame alone` leaves out the frames before it."
    )


@command(FloatingPointError)
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    names = [config.name for config in compared.CONFIGS]
    parser.add_argument("systems", nargs="*", metavar="SYSTEM", help=f"of {', '.join(names)} (default: all)")
    add_runs(parser, "runs/comparison")
    options = parser.parse_args(arguments)
    for name in options.systems:
        if name not in names:
            raise ValueError(f"no system is called {name!r}; choose of {', '.join(names)}")
    over_time = any(convolves_over_time(system_of(config.network)) for config in compared.CONFIGS)
    configs = {config.name: within(config, options, over_time) for config in compared.CONFIGS}
    any_of_them = next(iter(configs.values()))
    assert any_of_them.scenes is not None
    runs = SideBySide(options, configs, any_of_them.scenes)

    def report() -> None:
        text = table(configs, {name: runs.scores(name) for name in configs})
        text = f"# Comparison\n\n{settings_of(any_of_them, runs)}\n\n{text}\n"
        write_bytes(options.out / "comparison.md", text.encode())

    runs.run({name: configs[name] for name in options.systems or names}, report)
    print(f"wrote {options.out / 'comparison.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
