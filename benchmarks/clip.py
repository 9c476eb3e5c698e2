"""CFSA: what streaming saves over the full computation, and what a clip costs a frame from end to end."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import torch

from benchmarks.measuring import CORES, TEXT, Effort, Table, in_turn, milliseconds, ratio
from model_training.configs.shipped import NETWORK
from model_training.networks.cmsa.cfsa import CrossFrameSelfAttention, Past
from model_training.networks.cmsa.encoder import Encoder, grid_sizes
from refseg_ros import Segmenter
from refseg_ros.engines import bundle
from refseg_ros.engines.bundle import TABLETOP, Bundle
from refseg_ros.engines.clip_memory import ClipMemory, Looked, pair_names
from refseg_ros.engines.frame_buffer import FrameBuffer
from refseg_ros.engines.manifest import ATTENTION, Clip

LENGTHS = (2, 4, 8, 11, 16)
END_TO_END = (1, 4, 11)
INTERVAL = 0.2
PARTS = "query", "key", "value"
FRAMES = 6
"""Frames of a stream that are measured together: an interval at 30 Hz."""


class Levels:
    """CFSA at the three levels of `tabletop`, with random projections and a full clip."""

    def __init__(self, length: int) -> None:
        encoder = Encoder(NETWORK)
        self.levels = []
        sizes = grid_sizes(NETWORK, encoder.strides)
        for (height, width), channels, cell in zip(sizes, encoder.channels, encoder.cells, strict=True):
            attention = CrossFrameSelfAttention(channels, NETWORK.clip_channels)
            positions = height * width
            parts = [
                torch.nn.functional.normalize(torch.randn(length, count, NETWORK.clip_channels), dim=-1)
                for count in (positions // cell**2, positions, positions // cell**2)  # query, key, value
            ]
            self.levels.append((attention.eval(), torch.randn(1, positions, channels), parts))
        self.valid = torch.ones(1, length, dtype=torch.bool)
        levels = tuple(str(level) for level in range(len(self.levels)))
        looked = Looked(tuple(f"ring_{level}_{part}" for level in levels for part in PARTS), levels)
        self.memory = ClipMemory(FrameBuffer(length, INTERVAL, 10 * INTERVAL), length - 1, np.zeros, looked)
        self.stamps = (INTERVAL * number for number in count())
        for _ in range(length):
            self.streaming()

    @torch.inference_mode()
    def full(self) -> None:
        """Compute all pairs of all frames."""
        for attention, target, parts in self.levels:
            attention(target, *(part[None] for part in parts), self.valid)

    @torch.inference_mode()
    def streaming(self) -> None:
        """Compute a frame that gets its own slot: its pairs, and the past merged again."""
        ring = {
            f"ring_{level}_{name}": part[:1].numpy()
            for level, (_, _, parts) in enumerate(self.levels)
            for name, part in zip(PARTS, parts, strict=True)
        }
        past = self.memory.admit(next(self.stamps), ring)
        brought = {}
        for level, (attention, target, parts) in enumerate(self.levels):
            kept = Past(*(torch.from_numpy(past[f"past_{level}_{name}"]) for name in Past._fields))
            _, row, column = attention.step(
                target, *(part[:1] for part in parts), past=kept, cosine=NETWORK.cosine_attention
            )
            brought |= zip(pair_names(str(level)), (part.numpy() for part in (*row, *column)), strict=True)
        self.memory.keep(brought)


def streaming_against_full(effort: Effort) -> Table:
    """The table of CFSA alone."""
    torch.set_num_threads(CORES)
    table = Table(
        "CFSA of the three levels of `tabletop`, in torch: a new frame, streaming against the full computation",
        ["frames T", "full ms", "streaming ms", "streaming is", "pairs (2T - 1) / T²"],
        labels=("frames of the clip", "ms"),
    )
    curves: dict[str, tuple[list[float], list[float]]] = {"full": ([], []), "streaming": ([], [])}
    for length in LENGTHS:
        levels = Levels(length)
        times = in_turn({"full": levels.full, "streaming": levels.streaming}, effort)
        table.rows.append(
            [
                str(length),
                milliseconds(times["full"]),
                milliseconds(times["streaming"]),
                f"{ratio(times['full'], times['streaming']):.1f} x faster",
                f"{(2 * length - 1) / length**2:.2f}",
            ]
        )
        for name, values in times.items():
            curves[name][0].append(length)
            curves[name][1].append(float(1e3 * np.median(values)))
    table.curves = curves
    return table


def with_clip(length: int, folder: Path) -> Path:
    """The shipped bundle with a clip of another length."""
    shipped = Bundle.load(TABLETOP)
    bundle.write(folder, replace(shipped.manifest, clip=Clip(length, INTERVAL, ATTENTION)), shipped.contents)
    return folder


def frames_of(segmenter: Segmenter, gap: float) -> Callable[[], object]:
    """A step that takes and answers the next FRAMES frames of a stream; its clip is full, its frames `gap` apart."""
    stream = segmenter.stream()
    image = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    stamps = count()

    def step() -> None:
        for _ in range(FRAMES):
            stream.observe(image, gap * next(stamps))
            stream.answer([TEXT])

    for _ in range(segmenter.manifest.clip.length + 1):  # FRAMES of 30 Hz are an interval
        step()
    return step


def end_to_end(effort: Effort) -> Table:
    """The table of a frame from image to mask."""
    with tempfile.TemporaryDirectory() as folder:
        bundles = {length: with_clip(length, Path(folder, str(length))) for length in END_TO_END}
        segmenters = {length: Segmenter(bundle, threads=CORES, device="cpu") for length, bundle in bundles.items()}
    steps = {"single": frames_of(segmenters[1], INTERVAL)}
    for length in END_TO_END[1:]:
        for rate, gap in ((30, 1 / 30), (5, INTERVAL)):
            steps[f"{length} at {rate} Hz"] = frames_of(segmenters[length], gap)
    times = in_turn(steps, effort)
    table = Table(
        "A frame of `tabletop` from end to end (640x480, one expression of five words), by the clip's length",
        ["frames of the clip", "ms", "of a single image"],
        notes=[
            f"The mean of {FRAMES} frames that follow each other. At 5 Hz each frame gets a slot of its own, at 30 Hz "
            "one in six; a slot costs a merge of the past."
        ],
    )
    for name, values in times.items():
        table.rows.append([name, milliseconds(values / FRAMES), f"{ratio(values, times['single']):.2f} x"])
    longest = END_TO_END[-1]
    table.figures = {f"clip {rate}": ratio(times[f"{longest} at {rate} Hz"], times["single"]) for rate in (30, 5)}
    return table


def measure(effort: Effort) -> list[Table]:
    """The tables of the clip."""
    return [end_to_end(effort), streaming_against_full(effort)]
