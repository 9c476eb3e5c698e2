"""Time training steps: `python -m benchmarks.step_time --config small --data DIR`.

Without `--data` all steps use one random batch. With it, blocks of steps on a ready batch alternate with blocks whose
batches the workers make, so that other work on the machine affects both.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import torch

from model_training import configs
from model_training.configs.schema import Config
from model_training.datasets.batch import Batch
from model_training.datasets.batches import prefetched
from model_training.learning.fitting import add_budget, fitted
from model_training.learning.training import Training
from model_training.sources.choice import source_of
from model_training.sources.source import Source
from refseg_ros.command import command, program

BUFFERED = 3
"""Batches that each worker makes ahead."""


def drawn_batch(state: Training) -> Batch:
    """A random batch for a run: whole clips of the network, with as many words as it takes."""
    network, phase = state.config.network, state.config.phases[-1]
    shape = (phase.frames, state.model.window.frames, network.height, network.width, 3)
    masks = torch.rand(phase.frames, phase.expressions, network.height, network.width) < 0.2
    return Batch(
        torch.randint(0, 256, shape, dtype=torch.uint8),
        torch.randint(2, network.vocabulary, (phase.frames, phase.expressions, network.max_words)),
        masks.float(),
        torch.ones(phase.frames, phase.expressions),
    )


def timed(state: Training, batches: Iterator[Batch], steps: int) -> list[float]:
    """Seconds of each of some steps, the wait for its batch included."""
    times = []
    for _ in range(steps):
        begun = time.perf_counter()
        state.update(next(batches))
        if state.device.type == "cuda":
            torch.cuda.synchronize(state.device)
        times.append(time.perf_counter() - begun)
    return times


def again_and_again(batch: Batch) -> Iterator[Batch]:
    """The same batch for ever."""
    while True:
        yield batch


def in_blocks(state: Training, source: Source, steps: int, blocks: int, workers: int) -> tuple[float, float]:
    """Median seconds of a step on a ready batch, and of one whose batch is made meanwhile.

    The first steps of each block of the second sort do not count: workers may make their batches in advance.
    """
    drawn = source.drawn(len(state.config.phases) - 1)
    batch = next(prefetched(drawn, range(1), 0))
    timed(state, again_and_again(batch), 2)
    there: list[float] = []
    made: list[float] = []
    skipped = BUFFERED * workers + 1
    for block in range(blocks):
        there += timed(state, again_and_again(batch), steps)
        first = 1 + block * (skipped + steps)
        with closing(prefetched(drawn, range(first, first + skipped + steps), workers)) as batches:
            made += timed(state, batches, skipped + steps)[skipped:]
    return statistics.median(there), statistics.median(made)


def peak_memory(device: torch.device) -> float:
    """Peak memory of this process on a device so far, in GB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


@command(FloatingPointError)
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument("--config", choices=configs.CONFIGS, default="small")
    parser.add_argument("--data", help="folder of a data set, or of shards")
    parser.add_argument("--images", type=Path, help="folder of COCO's images, if not in a usual place")
    parser.add_argument("--workers", type=int, default=2, help="processes that make batches (default: 2)")
    parser.add_argument("--blocks", type=int, default=5, help="of steps of each sort (default: 5)")
    parser.add_argument("--steps", type=int, default=5, help="timed steps of a block (default: 5)")
    parser.add_argument(
        "--compile", action="store_true", help="network and losses compiled by torch, in the first step"
    )
    add_budget(parser)
    options = parser.parse_args(arguments)
    for flag in ("steps", "blocks", "workers"):
        if getattr(options, flag) < 1:
            raise ValueError(f"--{flag} is {getattr(options, flag)}; it must be at least 1")
    config, device = configs.load(options.config), options.device
    if config.scenes is not None:
        raise ValueError(f"{config.name} learns simulated scenes; choose a configuration of data sets")
    config = fitted(config, options)
    with tempfile.TemporaryDirectory() as cache:
        _report(config, device, options, Path(cache))
    return 0


def _report(config: Config, device: torch.device, options: argparse.Namespace, cache: Path) -> None:
    source = source_of(config, options.data, options.workers, cache, options.images) if options.data else None
    state = Training(source.config if source else config, device)
    if options.compile:
        state.learner.compile()
    phase, network = config.phases[-1], config.network
    sizes = f"{network.width}x{network.height}, {phase.frames} frames x {phase.expressions} expressions"
    how = ", compiled" if options.compile else ""
    print(f"{config.name}: {sizes}, {state.precision}, {device}, {torch.get_num_threads()} threads{how}")
    if source:
        there, made = in_blocks(state, source, options.steps, options.blocks, options.workers)
        print(f"step on a cached batch {there:.3f} s, with its batch made by {options.workers} workers {made:.3f} s")
        print(f"with data over cached: {made / there:.3f}")
    else:
        batch = again_and_again(drawn_batch(state))
        first = timed(state, batch, 1)[0]
        times = timed(state, batch, options.steps)
        print(f"first step {first:.2f} s, then {statistics.median(times):.2f} s")
    print(f"peak memory {peak_memory(device):.2f} GB")


if __name__ == "__main__":
    sys.exit(main())
