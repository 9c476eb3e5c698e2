"""The common form of all data sets: expressions about a target frame, its clip, and their masks.

A `Record` lists a sample without decoding pixels. A `Reader` lists the records of a folder and loads their pixels as
`Sample`s.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from model_training.datasets.frames import Frames


@dataclass(frozen=True)
class Expression:
    """A text and the mask that it refers to."""

    text: str
    id: str
    """Id in the data set; unique together with the id of its record."""
    referent: int
    """Row in the masks of its sample."""


@dataclass(frozen=True)
class ClipFrames:
    """The frames of a clip around its target; beyond the ends of the video the end frame repeats (Eq. 8: τ).

    Raises:
        ValueError: past or future is below 0, or stride below 1.
    """

    past: int = 0
    future: int = 0
    stride: int = 1
    """Step from one frame to the next, in frames of the video."""

    def __post_init__(self) -> None:
        for name, value, least in (("past", self.past, 0), ("future", self.future, 0), ("stride", self.stride, 1)):
            if value < least:
                raise ValueError(f"{name} is {value}; it must be {least} or more")

    def __str__(self) -> str:
        return f"of {self.past} past and {self.future} future frames at stride {self.stride}"

    @property
    def length(self) -> int:
        """T, the number of frames of a clip."""
        return self.past + self.future + 1

    def indices(self, target: int, count: int) -> list[int]:
        """Indices of a clip's frames in a video of `count` frames, in the order of time, but the target last."""
        steps = [*range(-self.past, 0), *range(1, self.future + 1), 0]
        return [min(max(target + step * self.stride, 0), count - 1) for step in steps]


STILL = ClipFrames()


@dataclass(frozen=True)
class Record:
    """A target frame with all its expressions, without pixels."""

    id: str
    """Unique within its data set."""
    split: str
    expressions: tuple[Expression, ...]
    frames: Frames
    """An image, or the whole video."""
    target: int = 0
    """Index of the target in `frames`."""
    truth: tuple[Any, ...] | None = None
    """For each mask the data from which the reader makes it; None if the masks are not published."""

    def narrowed(self, referents: Sequence[int]) -> Record:
        """The record with only some rows of its masks, in that order, and the expressions about them."""
        assert self.truth is not None
        rows = {row: index for index, row in enumerate(referents)}
        expressions = tuple(
            replace(expression, referent=rows[expression.referent])
            for expression in self.expressions
            if expression.referent in rows
        )
        return replace(self, expressions=expressions, truth=tuple(self.truth[row] for row in rows))


@dataclass(frozen=True)
class Sample:
    """A record with its pixels."""

    record: Record
    frames: np.ndarray
    """(T, H, W, 3) uint8 RGB, the target frame last; T is 1 for an image."""
    masks: np.ndarray | None
    """(R, H, W) bool, one for each referent; all False if it is not in the frame. None: not published."""

    def mask_of(self, expression: int) -> np.ndarray:
        """(H, W) bool: the mask of an expression of the record, by index.

        Raises:
            ValueError: the masks of this split are not published.
        """
        if self.masks is None:
            raise ValueError(f"{self.record.id}: the masks of the split {self.record.split} are not published")
        mask: np.ndarray = self.masks[self.record.expressions[expression].referent]
        return mask


class Reader(ABC):
    """A data set in its own format.

    Attributes:
        name: of the data set, for people.
        folder: of the data set.
        records: in the order of the data set.
        remarks: lines about what was left out, or may mislead.
    """

    name: str
    folder: Path
    records: tuple[Record, ...]
    remarks: tuple[str, ...] = ()

    @abstractmethod
    def masks(self, record: Record) -> np.ndarray:
        """(R, H, W) bool: the masks of a record with published truth, one for each entry of its `truth`.

        Raises:
            ValueError, OSError: the message names the file.
        """

    def truth_files(self, record: Record) -> tuple[Path, ...]:
        """The files of a record's masks; its truth has pairs here: (file, which of its masks)."""
        return tuple(dict.fromkeys(path for path, _ in record.truth or ()))

    def thing_of(self, record: Record, row: int) -> Hashable:
        """Which thing a row of a record's masks shows. Some record must show it; in others its mask may be empty."""
        return record.id, row

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits, in the order of the data set."""
        return tuple(dict.fromkeys(record.split for record in self.records))

    def of_split(self, split: str) -> tuple[Record, ...]:
        """The records of a split.

        Raises:
            ValueError: there is no such split; the message lists the existing ones.
        """
        found = tuple(record for record in self.records if record.split == split)
        if not found:
            raise ValueError(f"{self.folder}: {self.name} has no split {split!r}; it has {', '.join(self.splits)}")
        return found

    def is_published(self, split: str) -> bool:
        """Whether all masks of a split are published."""
        return all(record.truth is not None for record in self.of_split(split))

    def texts(self, split: str) -> Iterator[str]:
        """All expressions of a split."""
        return (expression.text for record in self.of_split(split) for expression in record.expressions)

    def load(self, record: Record, clip: ClipFrames = STILL) -> Sample:
        """Read the pixels of a record.

        Raises:
            ValueError, OSError: a file is missing or wrong; the message names it.
        """
        indices = clip.indices(record.target, len(record.frames)) if len(record.frames) > 1 else [0]
        frames = np.stack(record.frames.read(indices))
        if record.truth is None:
            return Sample(record, frames, None)
        masks = self.masks(record)
        return Sample(record, frames, self._fitted(record, masks, frames.shape[1], frames.shape[2]))

    def _fitted(self, record: Record, masks: np.ndarray, height: int, width: int) -> np.ndarray:
        """Return the masks if they have the size of the target frame; ValueError otherwise."""
        if masks.shape[1:] != (height, width):
            sizes = f"{masks.shape[2]}x{masks.shape[1]}, the frame {width}x{height} pixels"
            frame = record.frames.files([record.target])[0]
            raise ValueError(f"{frame}: the masks of {record.id} have {sizes}; do they belong together?")
        return masks


class Joined(Reader):
    """Several data sets as one, such as scenes of a set in separate folders.

    Ids begin with the number of the part: "0/ref 12".
    """

    def __init__(self, parts: list[Reader]) -> None:
        """Join at least one part; ValueError without any, or if two records of a part have one id."""
        if not parts:
            raise ValueError("no data set was given to join")
        for part in parts:
            for name, times in Counter(record.id for record in part.records).items():
                if times > 1:
                    raise ValueError(f"{part.folder}: {part.name} has {times} records with the id {name!r}")
        self.name = " + ".join(dict.fromkeys(part.name for part in parts))
        self.folder = parts[0].folder
        self._parts = {str(number): part for number, part in enumerate(parts)}
        self._records = {f"{n}/{record.id}": record for n, part in self._parts.items() for record in part.records}
        self.records = tuple(
            replace(record, id=name, expressions=_within(name.partition("/")[0], record.expressions))
            for name, record in self._records.items()
        )

    def masks(self, record: Record) -> np.ndarray:
        """See `Reader.masks`."""
        return self._part(record).masks(self._original(record))

    def truth_files(self, record: Record) -> tuple[Path, ...]:
        """See `Reader.truth_files`."""
        return self._part(record).truth_files(self._original(record))

    def thing_of(self, record: Record, row: int) -> Hashable:
        """See `Reader.thing_of`."""
        return record.id.partition("/")[0], self._part(record).thing_of(self._original(record), row)

    def load(self, record: Record, clip: ClipFrames = STILL) -> Sample:
        """See `Reader.load`; the part does it, because it may resize its masks to its frames."""
        return replace(self._part(record).load(self._original(record), clip), record=record)

    def _part(self, record: Record) -> Reader:
        return self._parts[record.id.partition("/")[0]]

    def _original(self, record: Record) -> Record:
        """The part's record, narrowed like the given one."""
        return replace(self._records[record.id], truth=record.truth)


def as_one(readers: list[Reader]) -> Reader:
    """Some data sets as one; ValueError if there is none."""
    return readers[0] if len(readers) == 1 else Joined(readers)


def _within(part: str, expressions: tuple[Expression, ...]) -> tuple[Expression, ...]:
    return tuple(replace(expression, id=f"{part}/{expression.id}") for expression in expressions)
