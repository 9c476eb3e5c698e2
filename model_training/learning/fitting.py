"""A configuration as a command line wants it: on its machine, with its batch, steps and scenes."""

from __future__ import annotations

import argparse
from dataclasses import replace

import torch

from model_training.configs.schema import Config
from model_training.datasets.rendering import SCENES_PER_SHARD
from model_training.learning.precision import PRECISIONS
from model_training.learning.ranks import ALONE, Ranks


def add_budget(parser: argparse.ArgumentParser) -> None:
    """Give a command line what `fitted` reads, and the device."""
    parser.add_argument("--batch", type=int, help="frames in a batch of all processes (default: the configuration's)")
    parser.add_argument(
        "--accumulate", type=int, help="parts that a batch goes through in (default: the configuration's)"
    )
    add_machine(parser)


def add_machine(parser: argparse.ArgumentParser) -> None:
    """Add the options for the device and the precision of its multiplications."""
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="of multiplications; auto: what the machine has instructions for (default: the configuration's)",
    )
    parser.add_argument("--device", type=device_of, default="cuda" if torch.cuda.is_available() else "cpu")


def device_of(text: str) -> torch.device:
    """Parse the argument of a device: "cpu", "cuda", or "cuda:1", if there is such a GPU."""
    try:
        found = torch.device(text)
    except RuntimeError:
        found = None
    if found is None or found.type not in ("cpu", "cuda"):
        raise argparse.ArgumentTypeError(f"{text!r} is none of cpu, cuda, cuda:0, cuda:1, ...")
    # Only counted: a tensor would take memory of the first GPU in each of the processes that train together.
    if found.type == "cuda" and (found.index or 0) >= (count := torch.cuda.device_count()):
        raise argparse.ArgumentTypeError(f"there is no {text} here: torch sees {count} GPUs")
    return found


def fitted(config: Config, options: argparse.Namespace, ranks: Ranks = ALONE) -> Config:
    """A configuration with the batch, its parts and the precision that the command line gives.

    Raises:
        ValueError: the processes cannot share such a batch.
    """
    if options.batch is not None:
        config = replace(config, phases=tuple(replace(phase, frames=options.batch) for phase in config.phases))
    if options.accumulate is not None:
        config = replace(config, accumulate=options.accumulate)
    config = replace(config, precision=options.precision or config.precision)
    shares = ranks.count * config.accumulate
    for phase in config.phases:
        if shares < 1 or phase.frames < 1 or phase.frames % shares:
            raise ValueError(
                f"{phase.frames} frames in a batch do not share out to {ranks.count} processes with "
                f"{config.accumulate} parts each; change --batch or --accumulate"
            )
    return config


def with_scenes(config: Config, scenes: int) -> Config:
    """A configuration with so many simulated scenes of each sort.

    Raises:
        ValueError: they do not fill shards, or the configuration has no scenes.
    """
    if scenes < SCENES_PER_SHARD or scenes % SCENES_PER_SHARD:
        raise ValueError(f"--scenes is {scenes}; it must be a multiple of {SCENES_PER_SHARD}")
    if config.scenes is None:
        raise ValueError(f"the configuration {config.name} has no simulated scenes; leave --scenes out")
    mix = config.mix
    if mix:
        mix = replace(mix, scan_scenes=replace(mix.scan_scenes, scenes=scenes))
    return replace(config, scenes=replace(config.scenes, scenes=scenes), mix=mix)


def shortened(config: Config, steps: int | None) -> Config:
    """A configuration with `steps` steps in each phase; None changes nothing.

    Raises:
        ValueError: `steps` is below 1.
    """
    if steps is None:
        return config
    if steps < 1:
        raise ValueError(f"--steps is {steps}; it must be at least 1")
    return replace(config, phases=tuple(replace(phase, steps=steps) for phase in config.phases))
