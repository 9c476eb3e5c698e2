"""Trains and scores several networks in one folder: the same scenes and steps for each, once for every seed."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

from model_training.configs.schema import Config
from model_training.datasets.pool import Pool
from model_training.datasets.rendering import SceneSet, load_shards, render_shards
from model_training.datasets.scene_batches import tabletop_vocabulary
from model_training.learning import checkpoint
from model_training.learning.fitting import add_machine
from model_training.learning.precision import of_machine
from model_training.learning.validation import score
from model_training.networks.kinds import system_of
from model_training.scoring.findings import FITTING
from model_training.train import train
from refseg_ros.files import write_bytes
from refseg_ros.simulation.phrases import ALL_PAIRS

FIRST_SEED = 8_000_000
"""Seed of the first scene that is scored; nothing else uses these scenes."""

OVERALL = "overall IoU"

LAST_FRAME = {kind: f"{kind}, last frame alone" for kind in ("motion", "event")}
"""Kind of expression -> the figure of its answers without the earlier frames, on scenes with events."""

Score = dict[str, float]
"""Figure -> its value, if anything was asked for it. A run whose loss was not finite has OVERALL alone, as NaN."""


def add_runs(parser: argparse.ArgumentParser, out: str) -> None:
    """Add the options that all commands with runs share; `out` is the default folder of the runs."""
    parser.add_argument("--seeds", type=int, default=3, help="runs of each (default: 3)")
    parser.add_argument("--budget", type=float, default=1.0, help="share of the configuration's steps (default: 1)")
    parser.add_argument("--scenes", type=int, default=512, help="how many are scored (default: 512)")
    parser.add_argument("--out", type=Path, default=Path(out), help=f"folder of runs and tables (default: {out})")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of rendered scenes (default: data)")
    parser.add_argument("--workers", type=int, default=2, help="processes that render, or make batches (default: 2)")
    add_machine(parser)


def within(config: Config, options: argparse.Namespace, over_time: bool = False) -> Config:
    """Apply the share of steps (at least one in each phase) and the precision of a command line to a configuration.

    Args:
        config: of one of the runs.
        options: the parsed options of `add_runs`.
        over_time: whether any run's network convolves over time; all runs share one precision, which must suit it.

    Raises:
        ValueError: an option has an impossible value.
    """
    for flag in ("seeds", "scenes", "budget"):
        if getattr(options, flag) <= 0:
            raise ValueError(f"--{flag} is {getattr(options, flag)}; it must be more than 0")
    phases = tuple(replace(phase, steps=max(1, round(options.budget * phase.steps))) for phase in config.phases)
    precision = of_machine(options.precision or config.precision, options.device, over_time)
    return replace(config, phases=phases, precision=precision)


class SideBySide:
    """The runs of one folder. A killed command goes on when it is run again.

    Args:
        options: the parsed options of `add_runs`.
        configs: name -> configuration, of all runs that the folder may hold.
        scenes: which scenes are learned; others of the same sort are scored.

    Raises:
        ValueError: the folder holds runs with other settings.
        OSError: it cannot be written.
    """

    def __init__(self, options: argparse.Namespace, configs: Mapping[str, Config], scenes: SceneSet) -> None:
        self.out, self.data, self.workers, self.seeds = options.out, options.data, options.workers, options.seeds
        self.device = options.device
        self.scored = replace(scenes, split="held_out", first_seed=FIRST_SEED, scenes=options.scenes)
        file = self.out / "settings.json"
        settings = {"configs": {name: asdict(config) for name, config in configs.items()}}
        text = json.dumps({**settings, "scored": asdict(self.scored)}, indent=1)
        if file.exists() and file.read_text() != text:
            raise ValueError(f"{file}: of runs with other settings; use another --out")
        self.out.mkdir(parents=True, exist_ok=True)
        write_bytes(file, text.encode())

    def run(
        self,
        configs: Mapping[str, Config],
        report: Callable[[], None],
        start: Callable[[Config, Path], Path | None] = lambda config, folder: None,
    ) -> None:
        """Train and score what is not done yet, seed by seed, and report after each run.

        Args:
            configs: name of a run -> configuration.
            report: writes the tables of the runs so far.
            start: (configuration, folder of the run) -> weights to begin with, or None.
        """
        for seed in range(self.seeds):
            for name, config in configs.items():
                folder = self.folder(name, seed)
                if not (folder / "score.json").exists():
                    print(f"{name}, seed {seed}")
                    scored = self._trained_and_scored(replace(config, seed=seed), folder, start)
                    write_bytes(folder / "score.json", json.dumps(scored).encode())
                    report()
        report()

    def folder(self, name: str, seed: int) -> Path:
        """The folder of a run."""
        return self.out / f"{name}-seed{seed}"

    def scores(self, name: str) -> list[Score]:
        """The scores of a configuration's finished runs, in the order of their seeds."""
        files = [self.folder(name, seed) / "score.json" for seed in range(self.seeds)]
        scores = [json.loads(file.read_text()) for file in files if file.exists()]
        return [{figure: math.nan if value is None else value for figure, value in one.items()} for one in scores]

    def _trained_and_scored(
        self, config: Config, folder: Path, start: Callable[[Config, Path], Path | None]
    ) -> dict[str, float | None]:
        assert config.scenes is not None
        try:
            finished = train(config, folder, self.data, self.workers, self.device, start(config, folder))
        except FloatingPointError as error:
            print(f"error: {error}")
            return {OVERALL: None}
        model = system_of(config.network).to(self.device)
        model.load_state_dict(checkpoint.load(finished)[0])
        pool = Pool(list(load_shards(render_shards(self.scored, self.data, self.workers))), pairs=ALL_PAIRS)
        vocabulary = tabletop_vocabulary(config.scenes.events)
        said = score(model.eval(), pool, vocabulary)
        print(said)
        figures = {OVERALL: said.whole.overall, "mean IoU": said.whole.mean, "P@0.5": said.whole.precision(0.5)}
        figures |= {kind: said.kinds[kind].mean for kind in FITTING if len(said.kinds[kind])}
        figures |= {"present kept": said.kept.accuracy, "absent told": said.denied.accuracy}
        if config.scenes.events:
            still = score(model, pool.of_last_frames(), vocabulary, "of the last frame alone")
            print(still)
            figures |= {figure: still.kinds[kind].mean for kind, figure in LAST_FRAME.items()}
        figures["expressions"] = len(said.whole) + said.denied.total
        return {figure: round(value, 5) for figure, value in figures.items() if not math.isnan(value)}
