"""The training batch, which every source of data gives and the learner takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

STRIDES = (2, 8, 16)
"""Strides of the labels of simulated scenes: that of their masks, then those of the encoder."""


class SceneLabels(NamedTuple):
    """Labels that only a simulator has. All are area shares of cells, float32 in [0, 1], by stride."""

    references: Mapping[int, np.ndarray]
    """(F, E, 3, H/stride, W/stride): shares of the candidates (all that fit the head noun), anchors and target."""
    motions: Mapping[int, np.ndarray]
    """(F, 2, 5, H/stride, W/stride): shares of the things for which each motion (it moves; to the left, right, away,
    towards the viewer) is true, and is false. All zero in a clip of one frame."""
    unjudged: Mapping[int, np.ndarray]
    """(F, E, H/stride, W/stride): shares of things that the loss must not treat as negatives."""
    dense: Mapping[int, np.ndarray]
    """(F, 1 + classes + colours, H/stride, W/stride): shares of background, of each class, of each colour."""


class Batch(NamedTuple):
    """F clips with E expressions each. Arrays from a dataset's `[step]`, tensors from `prefetched`."""

    clips: np.ndarray
    """(F, T, H, W, 3) uint8 RGB, the target frame last."""
    words: np.ndarray
    """(F, E, N) int64 word ids, 0 after the last word."""
    masks: np.ndarray
    """(F, E, h, w) float32 in [0, 1]: the share of each cell that the thing covers. A cell is a pixel of the input; in
    simulated scenes it is 2x2 pixels."""
    present: np.ndarray
    """(F, E) float32: 1 if the thing is in the target frame, else 0."""
    labels: SceneLabels | None = None
    """None if the source has only expressions and masks."""

    def each(self, change: Callable[[Any], Any]) -> Batch:
        """Apply a function to every array."""
        clips, words, masks, present, labels = self
        if labels is not None:
            labels = SceneLabels(*({stride: change(part) for stride, part in kind.items()} for kind in labels))
        return Batch(change(clips), change(words), change(masks), change(present), labels)

    def parts(self, count: int) -> list[Batch]:
        """Cut the batch into `count` parts of the same size; leftover clips are dropped."""
        size = len(self.clips) // count
        starts = range(0, size * count, size)
        return [self.each(lambda whole, start=start: whole[start : start + size]) for start in starts]
