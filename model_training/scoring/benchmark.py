"""Scores a model bundle on a benchmark's folder, with the runtime of the robot."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tqdm import tqdm

from model_training.datasets.formats import open_folder
from model_training.datasets.sample import ClipFrames, Reader, Record
from model_training.scoring.as_released import above_half_of_the_peak, dilated
from model_training.scoring.dense_crf import DenseCRF, at_working_size
from model_training.scoring.metrics import THRESHOLDS, PresenceScores, Scores, SequenceScores
from refseg_ros import config
from refseg_ros.answer import probability
from refseg_ros.config import SegmenterConfig
from refseg_ros.engines.manifest import ATTENTION, Manifest
from refseg_ros.geometry import Letterbox
from refseg_ros.outlines import GuidedFilter
from refseg_ros.segmenter import Segmenter

OUTLINES = (*config.OUTLINES, "dense_crf")
"""Ways to outline masks: those of the robot, and the paper's."""
CHUNK = 16
"""Images per task of a process."""


@dataclass(frozen=True)
class Benchmark:
    """What to score, and how."""

    bundle: Path
    """Folder of the model."""
    folder: Path
    """Folder of the data set."""
    images: Path | None = None
    """Folder of COCO's images, if not in a usual place."""
    stride: int | None = None
    """Step from one frame of a clip to the next; None: the one that the model learned with, 1 if it does not say."""
    outlines: str = SegmenterConfig.outlines
    """One of OUTLINES."""
    as_released: bool = False
    """Whether masks are taken and compared as in the released code of CSTM, see `as_released`."""


@dataclass
class BenchmarkScores:
    """The scores of a split."""

    scores: Scores = field(default_factory=Scores)
    """Of the masks, whatever the verdict, because benchmarks assume that the thing is there."""
    sequences: SequenceScores = field(default_factory=SequenceScores)
    """Of videos: one sequence per expression."""
    presence: PresenceScores = field(default_factory=PresenceScores)
    """Of the decisions whether the thing is there."""

    def add(self, other: BenchmarkScores) -> None:
        """Add the scores of another part."""
        self.scores = Scores.merged([self.scores, other.scores])
        self.sequences = SequenceScores.merged([self.sequences, other.sequences])
        self.presence = PresenceScores.merged([self.presence, other.presence])

    def figures(self) -> dict[str, float]:
        """Figures by name, shares in [0, 1], not rounded; a figure without samples is left out."""
        named = {f"P@{threshold}": self.scores.precision(threshold) for threshold in THRESHOLDS}
        named |= {
            "overall IoU": self.scores.overall,
            "mean IoU": self.scores.mean,
            "mean P@0.5:0.95": self.scores.mean_precision,
            "COCO AP": self.scores.average_precision,
            "J": self.sequences.region,
            "F": self.sequences.contour,
            "J&F": self.sequences.both,
            "presence accuracy": self.presence.accuracy,
            "expressions": len(self.scores),
        }
        if self.scores.both_empty:
            named["both empty"] = self.scores.both_empty
        return {name: float(value) for name, value in named.items() if not math.isnan(value)}


def scored(benchmark: Benchmark, reader: Reader, number: int, split: str, processes: int) -> BenchmarkScores:
    """Score a split.

    Args:
        benchmark: what to score, and how.
        reader: of the data set.
        number: index of this reader among those of the folder.
        split: one of its splits with published masks, see `records_to_score`.
        processes: how many share the work; the scores do not depend on it.

    Raises:
        ValueError, OSError: the data set or the bundle is unusable; the message names the file.
    """
    whole = BenchmarkScores()
    with tqdm(total=len(reader.of_split(split)), unit="image", desc=f"{reader.name} {split}") as bar:
        for done, part in _parts(benchmark, reader, number, split, processes):
            whole.add(part)
            bar.update(done)
    return whole


def _parts(
    benchmark: Benchmark, reader: Reader, number: int, split: str, processes: int
) -> Iterator[tuple[int, BenchmarkScores]]:
    """(number of images, scores) for each chunk."""
    count = len(reader.of_split(split))
    chunks = [range(begin, min(begin + CHUNK, count)) for begin in range(0, count, CHUNK)]
    if processes == 1:
        judge = Judge(benchmark, reader)
        yield from ((len(chunk), judge.of_chunk(split, chunk)) for chunk in chunks)
        return
    arguments = (benchmark, number)
    with ProcessPoolExecutor(processes, get_context("spawn"), _begin_process, arguments) as pool:
        waiting = [(len(chunk), pool.submit(_in_process, split, chunk)) for chunk in chunks]
        yield from ((done, future.result()) for done, future in waiting)


def clip_of(manifest: Manifest, stride: int | None = None) -> ClipFrames:
    """The frames of a video that a model is asked about.

    Attention ignores the order of the T - 1 other frames, so they are on both sides of the target: five and five in the
    paper (Sec. 3.4), with one more in the past if their number is odd. A network that keeps arrays of earlier frames
    has learned from past frames alone, in the order of time: it gets those, as on the robot.

    Args:
        manifest: of the model.
        stride: see `Benchmark`.
    """
    others = manifest.clip.length - 1
    future = others // 2 if manifest.clip.memory == ATTENTION else 0
    return ClipFrames(others - future, future, stride or manifest.training.get("stride", 1))


class Judge:
    """A loaded model and a data set.

    Masks are scored as in the papers: all parts of a mask, at a probability of 0.5, whatever the verdict. The robot
    keeps only the likeliest part, at the threshold of its bundle. `Benchmark.as_released` scores in another way.

    Clips also follow the papers, see `clip_of`.
    """

    def __init__(self, benchmark: Benchmark, reader: Reader, threads: int = 0) -> None:
        self.segmenter = Segmenter(benchmark.bundle, threads=threads)
        self.clip = clip_of(self.segmenter.manifest, benchmark.stride)
        self.reader, self.outlines, self.as_released = reader, benchmark.outlines, benchmark.as_released

    def of_chunk(self, split: str, chunk: range) -> BenchmarkScores:
        """The scores of some records of a split."""
        part = BenchmarkScores()
        for record in self.reader.of_split(split)[chunk.start : chunk.stop]:
            self._add(record, part)
        return part

    def _add(self, record: Record, part: BenchmarkScores) -> None:
        sample = self.reader.load(record, self.clip)
        stream, interval = self.segmenter.stream(), self.segmenter.manifest.clip.interval
        for index, frame in enumerate(sample.frames):
            stream.observe(frame, index * interval)
        outcomes = stream.outcomes([expression.text for expression in record.expressions])
        refine = self._refinement(sample.frames[-1], stream.letterbox)
        nothing = np.full(sample.frames.shape[1:3], -np.inf, np.float32)
        for index, (expression, outcome) in enumerate(zip(record.expressions, outcomes, strict=True)):
            logits = stream.letterbox.restore(refine(outcome.logits)) if outcome else nothing
            truth, score = sample.mask_of(index), probability(outcome.presence) if outcome else 0.0
            mask, there = logits > 0, bool(truth.any())
            if self.as_released:
                mask, truth = above_half_of_the_peak(logits), dilated(truth, self.segmenter.manifest.input)
            part.scores.add(mask, truth, score)
            part.presence.add(score > self.segmenter.thresholds.absent, there)
            if len(record.frames) > 1:
                part.sequences.add(expression.id, mask, truth)

    def _refinement(self, frame: np.ndarray, letterbox: Letterbox) -> Callable[[np.ndarray], np.ndarray]:
        """The function that refines logits over the input, for a frame (H, W, 3) uint8 RGB."""
        padding = self.segmenter.manifest.input.padding
        if self.outlines == "dense_crf":
            return DenseCRF(at_working_size(frame, letterbox, padding)).refine
        if self.outlines == "guided":
            return GuidedFilter(letterbox.apply(frame, padding)).refine
        return lambda logits: logits


_judge: Judge
"""The judge of a worker process."""


def _begin_process(benchmark: Benchmark, number: int) -> None:
    global _judge
    _judge = Judge(benchmark, open_folder(benchmark.folder, benchmark.images)[number], threads=1)


def _in_process(split: str, chunk: range) -> BenchmarkScores:
    return _judge.of_chunk(split, chunk)
