"""What every data set is read into: expressions about a target frame, the frames of its clip, and one mask for each.

A `Record` is what is known without decoding pixels; a `Reader` lists the records of a folder and loads their pixels as
`Sample`s.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from model_training.datasets.frames import Frames


@dataclass(frozen=True)
class Expression:
    """A text, and which of the masks of its sample it means."""

    text: str
    id: str
    """What the data set calls it; unique together with the id of its record."""
    referent: int
    """Row in the masks of its sample."""


@dataclass(frozen=True)
class Clip:
    """Which frames of a video a sample has around its target; what lies beyond the ends repeats the end (Eq. 8: τ)."""

    past: int = 0
    future: int = 0
    stride: int = 1
    """Frames of the video from one to the next."""

    @property
    def length(self) -> int:
        """T of the samples of a video."""
        return self.past + self.future + 1

    def indices(self, target: int, count: int) -> list[int]:
        """The frames of a clip in a video of `count` frames: in the order of time, but the target last."""
        steps = [*range(-self.past, 0), *range(1, self.future + 1), 0]
        return [min(max(target + step * self.stride, 0), count - 1) for step in steps]


STILL = Clip()


@dataclass(frozen=True)
class Record:
    """A target frame with all its expressions, as listed: no pixels yet."""

    id: str
    """Unique within its data set."""
    split: str
    expressions: tuple[Expression, ...]
    frames: Frames
    """An image, or the whole video."""
    target: int = 0
    """Index of the target in `frames`."""
    truth: tuple[Any, ...] | None = None
    """For each of the masks what the reader makes it from; None where the data set publishes none."""

    def narrowed(self, referents: Sequence[int]) -> Record:
        """The same record with the masks of some rows alone, in that order, and with the expressions that mean them."""
        assert self.truth is not None
        rows = {row: index for index, row in enumerate(referents)}
        kept = (of for of in self.expressions if of.referent in rows)
        expressions = tuple(Expression(of.text, of.id, rows[of.referent]) for of in kept)
        return replace(self, expressions=expressions, truth=tuple(self.truth[row] for row in rows))


@dataclass(frozen=True)
class Sample:
    """A record with its pixels."""

    record: Record
    frames: np.ndarray
    """(T, H, W, 3) uint8 RGB, the target frame last; T is 1 for an image."""
    masks: np.ndarray | None
    """(R, H, W) bool, one for each thing that is referred to; all False for what is not there. None: not published."""

    def mask_of(self, expression: int) -> np.ndarray:
        """(H, W) bool: the mask of the record's expression of that index.

        Raises:
            ValueError: the data set publishes no masks of this split.
        """
        if self.masks is None:
            raise ValueError(f"{self.record.id}: the masks of the split {self.record.split} are not published")
        mask: np.ndarray = self.masks[self.record.expressions[expression].referent]
        return mask


class Reader(ABC):
    """A data set in its own format.

    Attributes:
        name: what people call it.
        folder: where it lies.
        records: in the order of the data set.
    """

    name: str
    folder: Path
    records: tuple[Record, ...]

    @abstractmethod
    def masks(self, record: Record) -> np.ndarray:
        """(R, H, W) bool: the masks of a record whose truth is published, one for each entry of it.

        Raises:
            ValueError, OSError: the message names the file.
        """

    @abstractmethod
    def truth_files(self, record: Record) -> tuple[Path, ...]:
        """The files that the masks of a record are read from."""

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits, in the order of the data set."""
        return tuple(dict.fromkeys(record.split for record in self.records))

    def of_split(self, split: str) -> tuple[Record, ...]:
        """The records of a split.

        Raises:
            ValueError: there is none of that name; the message lists those that are there.
        """
        found = tuple(record for record in self.records if record.split == split)
        if not found:
            raise ValueError(f"{self.folder}: {self.name} has no split {split!r}; it has {', '.join(self.splits)}")
        return found

    def texts(self, split: str) -> Iterator[str]:
        """All expressions of a split."""
        return (expression.text for record in self.of_split(split) for expression in record.expressions)

    def load(self, record: Record, clip: Clip = STILL) -> Sample:
        """Read the pixels of a record.

        Raises:
            ValueError, OSError: a file is missing or is not what it should be; the message names it.
        """
        indices = clip.indices(record.target, len(record.frames)) if len(record.frames) > 1 else [0]
        frames = np.stack(record.frames.read(indices))
        if record.truth is None:
            return Sample(record, frames, None)
        masks = self.masks(record)
        return Sample(record, frames, self._fitted(record, masks, frames.shape[1], frames.shape[2]))

    def _fitted(self, record: Record, masks: np.ndarray, height: int, width: int) -> np.ndarray:
        """The masks, if they have the size of the target frame."""
        if masks.shape[1:] != (height, width):
            sizes = f"{masks.shape[2]}x{masks.shape[1]}, the frame {width}x{height} pixels"
            frame = record.frames.files([record.target])[0]
            raise ValueError(f"{frame}: the masks of {record.id} have {sizes}; do they belong together?")
        return masks


class Joined(Reader):
    """Several data sets read as one, such as the scenes of a set in folders of their own.

    Ids begin with the number of the part: "0/ref 12".
    """

    def __init__(self, parts: list[Reader]) -> None:
        """Raises ValueError when there is no part."""
        if not parts:
            raise ValueError("no data set was given to join")
        self.name = " + ".join(dict.fromkeys(part.name for part in parts))
        self.folder = parts[0].folder
        self._parts = {str(number): part for number, part in enumerate(parts)}
        self._records = {f"{n}/{record.id}": record for n, part in self._parts.items() for record in part.records}
        self.records = tuple(
            Record(name, of.split, _within(name.partition("/")[0], of.expressions), of.frames, of.target, of.truth)
            for name, of in self._records.items()
        )

    def masks(self, record: Record) -> np.ndarray:
        """See `Reader.masks`."""
        return self._parts[record.id.partition("/")[0]].masks(self._original(record))

    def truth_files(self, record: Record) -> tuple[Path, ...]:
        """See `Reader.truth_files`."""
        return self._parts[record.id.partition("/")[0]].truth_files(self._original(record))

    def _original(self, record: Record) -> Record:
        """The record of the part; narrowed as the given one is."""
        return replace(self._records[record.id], truth=record.truth)


def _within(part: str, expressions: tuple[Expression, ...]) -> tuple[Expression, ...]:
    return tuple(Expression(of.text, f"{part}/{of.id}", of.referent) for of in expressions)
