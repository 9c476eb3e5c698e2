"""A person's own frames among the scenes of a mixture: their expressions and masks, and no other label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from model_training.datasets.batch import STRIDES, Batch, SceneLabels
from model_training.datasets.batches import chosen
from model_training.datasets.letterboxed import Letterboxed, letterboxed
from model_training.datasets.sample import Expression, Reader
from model_training.pictures.light import lit
from refseg_ros.expression import Vocabulary, tokenise
from refseg_ros.simulation.tabletop import COLOURS

SIDES = ("left", "right", "clock", "anticlock", "counterclock", "o'clock")
"""Beginnings of words that a mirrored image makes wrong."""


@dataclass(frozen=True)
class OwnFrame:
    """A frame at the size of the input."""

    shown: Letterboxed
    """One frame."""
    expressions: tuple[Expression, ...]

    @property
    def mirrors(self) -> bool:
        """Whether its expressions stay true in a mirrored image."""
        words = (word for expression in self.expressions for word in tokenise(expression.text))
        return not any(word.startswith(SIDES) for word in words)

    def mirrored(self) -> OwnFrame:
        """The frame and its masks, mirrored."""
        shown = self.shown
        return replace(self, shown=replace(shown, frames=shown.frames[:, :, ::-1], areas=shown.areas[:, :, ::-1]))

    def labelled(self, vocabulary: Vocabulary, max_words: int, nouns: Sequence[str]) -> Batch:
        """The frame as a batch without the axis of frames.

        Masks are known; candidates, anchors, motions, classes and colours are not, so nothing judges them.
        """
        height, width = self.shown.frames.shape[1:3]
        rows = [expression.referent for expression in self.expressions]

        def empty(stride: int, *before: int) -> np.ndarray:
            return np.zeros((*before, height // stride, width // stride), np.float32)

        finest = STRIDES[0]
        shares = self.shown.areas[rows].reshape(len(rows), height // finest, finest, width // finest, finest)
        unjudged = {stride: empty(stride, len(rows)) + (stride != finest) for stride in STRIDES}
        labels = SceneLabels(
            references={stride: empty(stride, len(rows), 3) for stride in STRIDES[1:]},
            motions={stride: empty(stride, 2, 5) for stride in STRIDES[1:]},
            unjudged=unjudged,
            dense={stride: empty(stride, 1 + len(nouns) + len(COLOURS)) for stride in STRIDES[1:]},
        )
        return Batch(
            self.shown.frames,
            vocabulary.encode_all([expression.text for expression in self.expressions], max_words),
            shares.mean((2, 4), dtype=np.float32) / np.float32(255),
            self.shown.present[rows].astype(np.float32),
            labels,
        )


@dataclass(frozen=True)
class OwnPool:
    """Frames that are drawn like the scenes of a `Pool`. They are still images."""

    scenes: Sequence[OwnFrame]
    weight: float
    """How often a frame is drawn from this pool, relative to the others."""

    @classmethod
    def of_split(cls, reader: Reader, split: str, weight: float, height: int, width: int, padding: int) -> OwnPool:
        """The frames of a split of a data set. Of a video the target frames are taken alone.

        Raises:
            ValueError, OSError: a file is missing or wrong, or the masks are not published; the message names it.
        """
        if not reader.is_published(split):
            raise ValueError(f"{reader.folder}: the masks of the split {split} are not published; learn another folder")
        records = reader.of_split(split)
        frames = [OwnFrame(letterboxed(reader.load(one), height, width, padding), one.expressions) for one in records]
        return cls(frames, weight)

    def drawn(self, expressions: int, rng: np.random.Generator) -> OwnFrame:
        """A frame with some of its expressions, in another light, perhaps mirrored."""
        frame = self.scenes[int(rng.integers(len(self.scenes)))]
        mirror, seed = frame.mirrors and rng.random() < 0.5, int(rng.integers(2**31))
        said = tuple(chosen(frame.expressions, expressions, seed, position=0))
        frame = replace(frame, expressions=said, shown=replace(frame.shown, frames=lit(frame.shown.frames, rng)))
        return frame.mirrored() if mirror else frame

    def resting(self) -> OwnPool:
        """All of them."""
        return self

    def moving(self) -> OwnPool:
        """None of them."""
        return replace(self, scenes=())
