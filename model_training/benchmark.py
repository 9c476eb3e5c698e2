"""Scores of a model bundle on a benchmark's folder, through the runtime that a robot uses."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from tqdm import tqdm

from model_training.datasets.formats import open_folder
from model_training.datasets.sample import STILL, Clip, Reader, Record
from model_training.metrics import THRESHOLDS, PresenceScores, Scores, SequenceScores
from refseg_ros.config import SegmenterConfig
from refseg_ros.segmenter import Segmenter

CHUNK = 16
"""Images that a process gets at a time."""


@dataclass(frozen=True)
class Benchmark:
    """What is scored, and how."""

    bundle: Path
    """Folder of the model."""
    folder: Path
    """Of the data set, as people have it."""
    images: Path | None = None
    """Folder of COCO's images, if not in a usual place."""
    stride: int = 5
    """Frames of a video from one of a clip to the next."""
    outlines: str = SegmenterConfig.outlines
    """How masks are outlined."""


@dataclass
class BenchmarkScores:
    """What a split of a data set gathers."""

    scores: Scores = field(default_factory=Scores)
    """Of the masks whatever the verdict: that there is a thing is given."""
    sequences: SequenceScores = field(default_factory=SequenceScores)
    """Of videos: one for each expression."""
    presence: PresenceScores = field(default_factory=PresenceScores)
    """Whether a thing was called absent, or not, rightly."""

    def add(self, other: BenchmarkScores) -> None:
        """Take in the scores of another part."""
        self.scores = Scores.merged([self.scores, other.scores])
        self.sequences = SequenceScores.merged([self.sequences, other.sequences])
        self.presence = PresenceScores.merged([self.presence, other.presence])

    def figures(self) -> dict[str, float]:
        """Each figure by its name, shares in [0, 1]; one of which there was no sample is left out."""
        named = {f"P@{threshold}": self.scores.precision(threshold) for threshold in THRESHOLDS}
        named |= {
            "overall IoU": self.scores.overall,
            "mean IoU": self.scores.mean,
            "mAP 0.5:0.95": self.scores.average_precision,
            "J": self.sequences.region,
            "F": self.sequences.contour,
            "J&F": self.sequences.both,
            "presence accuracy": self.presence.accuracy,
            "expressions": len(self.scores),
        }
        return {name: round(float(value), 4) for name, value in named.items() if not math.isnan(value)}


def scored(benchmark: Benchmark, reader: Reader, number: int, split: str, processes: int) -> BenchmarkScores:
    """Score a split.

    Args:
        benchmark: what and how.
        reader: of the data set.
        number: of this reader among those of the folder.
        split: one of the reader's, whose masks are published.
        processes: how many share the work; the scores do not depend on it.

    Raises:
        ValueError, OSError: the data set or the bundle is not fit for use; the message names the file.
    """
    records = reader.of_split(split)
    if any(record.truth is None for record in records):
        raise ValueError(f"{reader.folder}: the masks of the split {split} of {reader.name} are not published")
    whole = BenchmarkScores()
    with tqdm(total=len(records), unit="image", desc=f"{reader.name} {split}") as bar:
        for done, part in _parts(benchmark, reader, number, split, processes):
            whole.add(part)
            bar.update(done)
    return whole


def _parts(
    benchmark: Benchmark, reader: Reader, number: int, split: str, processes: int
) -> Iterator[tuple[int, BenchmarkScores]]:
    """Number of images and scores, a chunk at a time."""
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


class Judge:
    """A model and a data set, ready."""

    def __init__(self, benchmark: Benchmark, reader: Reader, threads: int = 0) -> None:
        self.segmenter = Segmenter(benchmark.bundle, threads=threads, outlines=benchmark.outlines)
        self.thresholds = self.segmenter.manifest.thresholds
        show_always(self.segmenter)
        clip = self.segmenter.manifest.clip
        self.clip = Clip(past=clip.length - 1, stride=benchmark.stride) if clip.length > 1 else STILL
        self.reader = reader

    def of_chunk(self, split: str, chunk: range) -> BenchmarkScores:
        """The scores of some records of a split."""
        part = BenchmarkScores()
        for record in self.reader.of_split(split)[chunk.start : chunk.stop]:
            self._add(record, part)
        return part

    def _add(self, record: Record, part: BenchmarkScores) -> None:
        sample = self.reader.load(record, self.clip)
        stream = self.segmenter.stream()
        for index, frame in enumerate(sample.frames):
            stream.observe(frame, index * self.segmenter.manifest.clip.interval)
        answers = stream.answer([expression.text for expression in record.expressions])
        for index, (expression, answer) in enumerate(zip(record.expressions, answers, strict=True)):
            mask, truth = answer.mask > 0, sample.mask_of(index)
            part.scores.add(mask, truth, answer.score)
            part.presence.add(answer.score > self.thresholds.presence - self.thresholds.uncertain, bool(truth.any()))
            if len(record.frames) > 1:
                part.sequences.add(expression.id, mask, truth)


def show_always(segmenter: Segmenter) -> None:
    """Make a segmenter give its mask whatever it thinks of the thing's presence."""
    always = dataclasses.replace(segmenter.manifest.thresholds, presence=0.0, uncertain=0.0)
    segmenter.manifest = dataclasses.replace(segmenter.manifest, thresholds=always)


_judge: Judge
"""Of a process that helps."""


def _begin_process(benchmark: Benchmark, number: int) -> None:
    global _judge
    _judge = Judge(benchmark, open_folder(benchmark.folder, benchmark.images)[number], threads=1)


def _in_process(split: str, chunk: range) -> BenchmarkScores:
    return _judge.of_chunk(split, chunk)
