"""What each system of `model_training.compare` costs, with weights at random: `python -m benchmarks.compared`.

Parameters, milliseconds a frame in ONNX Runtime, and time and peak memory of a training step. Each system has a process
of its own, since the peak of a process never comes down again.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.measuring import CORES, TEXT
from benchmarks.step_time import again_and_again, drawn_batch, peak_memory, timed
from model_training.configs import compared
from model_training.configs.schema import Config
from model_training.datasets.scene_batches import tabletop_vocabulary
from model_training.export import bundle_of
from model_training.learning.training import Training
from model_training.networks.base import System
from model_training.paper.markdown_table import markdown_table
from refseg_ros import Segmenter
from refseg_ros.command import command, program

FRAMES, STEPS = 20, 2
COLUMNS = ("", "parameters", "ms a frame", "s a training step", "GB of it")


def row(config: Config) -> list[str]:
    """A system's row of the table. The training step runs first, so that the peak of memory is its own."""
    state = Training(config, torch.device("cpu"))
    *_, second = timed(state, again_and_again(drawn_batch(state)), STEPS)
    memory = peak_memory(state.device)
    parameters = sum(parameter.numel() for parameter in state.model.parameters())
    frame = milliseconds_a_frame(state.model, config)
    return [config.name, f"{parameters / 1e6:.1f} M", f"{frame:.0f}", f"{second:.1f}", f"{memory:.1f}"]


def milliseconds_a_frame(model: System, config: Config) -> float:
    """Median time of FRAMES frames of 640x480 with one expression, in a stream that has all its earlier frames."""
    facts = {"vocabulary": list(tabletop_vocabulary(events=True).words[2:])}
    with tempfile.TemporaryDirectory() as folder:
        bundle_of(model.eval(), config, facts, Path(folder))
        segmenter = Segmenter(folder, threads=CORES)
    stream, image = segmenter.stream(), np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    times = []
    for number in range(segmenter.manifest.clip.length + FRAMES):
        begun = time.perf_counter()
        stream.observe(image, number * config.clip_interval)
        stream.answer([TEXT])
        times.append(time.perf_counter() - begun)
    return 1e3 * statistics.median(times[-FRAMES:])


@command()
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    configs = {config.name: config for config in compared.CONFIGS}
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument("systems", nargs="*", metavar="SYSTEM", help=f"of {', '.join(configs)} (default: all)")
    chosen = parser.parse_args(arguments).systems or list(configs)
    if unknown := set(chosen) - set(configs):
        raise ValueError(f"no system is called {min(unknown)!r}; choose of {', '.join(configs)}")
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        measured = pool.imap(row, [configs[name] for name in chosen], chunksize=1)
        rows = list(tqdm(measured, total=len(chosen), unit="system"))
    print(markdown_table(COLUMNS, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
