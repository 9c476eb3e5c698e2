"""Scores of referring segmentation, collected sample by sample; scores of several processes can be merged.

A sample leaves only a few numbers, no mask.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from model_training.scoring.boundary import boundary_measure

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Least IoU of a sample that precision counts as found."""

AVERAGED_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
"""IoU thresholds and recalls over which COCO averages precision."""


def intersection_union(mask: np.ndarray, truth: np.ndarray) -> tuple[int, int]:
    """Pixel counts of the intersection and the union of two boolean masks of one shape."""
    return int(np.count_nonzero(mask & truth)), int(np.count_nonzero(mask | truth))


@dataclass
class Scores:
    """Overall IoU (all intersections over all unions), mean IoU, precision at an IoU, and average precision."""

    intersections: list[int] = field(default_factory=list)
    unions: list[int] = field(default_factory=list)
    truths: list[int] = field(default_factory=list)
    """Pixels of the truth."""
    certainties: list[float] = field(default_factory=list)

    def add(self, mask: np.ndarray, truth: np.ndarray, certainty: float = 1.0) -> None:
        """Add a prediction (boolean masks of one shape) and its certainty. Two empty masks have IoU 1."""
        intersection, union = intersection_union(mask, truth)
        self.intersections.append(intersection)
        self.unions.append(union)
        self.truths.append(int(np.count_nonzero(truth)))
        self.certainties.append(certainty)

    @classmethod
    def merged(cls, parts: Iterable[Scores]) -> Scores:
        """The scores of several sets together, whatever their order."""
        whole = cls()
        for part in parts:
            whole.intersections += part.intersections
            whole.unions += part.unions
            whole.truths += part.truths
            whole.certainties += part.certainties
        return whole

    def __len__(self) -> int:
        return len(self.unions)

    @property
    def ious(self) -> np.ndarray:
        """IoU of each sample, (n,) float64."""
        unions = np.array(self.unions, np.float64)
        return np.where(unions > 0, np.array(self.intersections) / np.maximum(unions, 1), 1.0)

    @property
    def both_empty(self) -> int:
        """Samples of two empty masks, whose IoU is 1 by definition."""
        return self.unions.count(0)

    @property
    def overall(self) -> float:
        """Overall IoU; NaN without samples."""
        return sum(self.intersections) / sum(self.unions) if sum(self.unions) else float("nan")

    @property
    def mean(self) -> float:
        """Mean IoU; NaN without samples."""
        return float(self.ious.mean()) if len(self) else float("nan")

    def precision(self, threshold: float) -> float:
        """Share of samples with at least this IoU; NaN without samples."""
        return float((self.ious >= threshold).mean()) if len(self) else float("nan")

    @property
    def mean_precision(self) -> float:
        """What papers on A2D and JHMDB Sentences call mAP: the mean of the precisions at IoU 0.5:0.05:0.95, over
        expressions, without a ranking [code: CSTM]; NaN without samples.
        """
        return float(np.mean([self.precision(percent / 100) for percent in range(50, 100, 5)]))

    @property
    def average_precision(self) -> float:
        """Mean average precision over IoU 0.5:0.05:0.95 as defined by COCO; NaN if no sample has a thing.

        Each sample counts as a separate image with at most one thing, and each non-empty mask as a detection. Among
        equal certainties the worse detections come first, so that the order of samples does not matter.
        """
        intersections, unions, truths = (np.array(part) for part in (self.intersections, self.unions, self.truths))
        wanted = int((truths > 0).sum())
        if not wanted:
            return float("nan")
        detections = unions - truths + intersections > 0
        ious = np.where(truths > 0, self.ious, 0.0)[detections]
        ious = ious[np.lexsort((ious, -np.array(self.certainties)[detections]))]
        return float(np.mean([_average_precision(ious >= threshold, wanted) for threshold in AVERAGED_THRESHOLDS]))


def _average_precision(found: np.ndarray, wanted: int) -> float:
    """Precision averaged over recall; `found` (n,) bool holds the detections, the most certain first."""
    hits = np.cumsum(found)
    precision = np.append(hits / np.arange(1, len(found) + 1), 0.0)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float(precision[np.searchsorted(hits / wanted, RECALLS)].mean())


@dataclass
class SequenceScores:
    """J (IoU), F (outlines) and their mean for videos, averaged over the frames of each sequence, then over sequences.

    A sequence is one expression on one video.
    """

    sums: dict[str, tuple[float, float, int]] = field(default_factory=dict)
    """Per sequence: sum of J, sum of F, number of frames."""

    def add(self, sequence: str, mask: np.ndarray, truth: np.ndarray) -> None:
        """Add a frame with boolean masks (H, W)."""
        intersection, union = intersection_union(mask, truth)
        self._count(sequence, intersection / union if union else 1.0, boundary_measure(mask, truth), 1)

    @classmethod
    def merged(cls, parts: Iterable[SequenceScores]) -> SequenceScores:
        """The scores of several parts together; a sequence may be split between them."""
        whole = cls()
        for part in parts:
            for sequence, sums in part.sums.items():
                whole._count(sequence, *sums)
        return whole

    def _count(self, sequence: str, region: float, contour: float, frames: int) -> None:
        before = self.sums.get(sequence, (0.0, 0.0, 0))
        self.sums[sequence] = (before[0] + region, before[1] + contour, before[2] + frames)

    def __len__(self) -> int:
        return len(self.sums)

    @property
    def region(self) -> float:
        """J; NaN without samples."""
        return self._mean(0)

    @property
    def contour(self) -> float:
        """F; NaN without samples."""
        return self._mean(1)

    @property
    def both(self) -> float:
        """J&F; NaN without samples."""
        return (self.region + self.contour) / 2

    def _mean(self, which: int) -> float:
        means = [sums[which] / sums[2] for sums in self.sums.values()]
        return float(np.mean(means)) if means else float("nan")


@dataclass
class PresenceScores:
    """How often it is decided correctly whether a thing is there."""

    right: int = 0
    total: int = 0

    def add(self, said: bool, there: bool) -> None:
        """Add one expression on one image."""
        self.right += said == there
        self.total += 1

    @classmethod
    def merged(cls, parts: Iterable[PresenceScores]) -> PresenceScores:
        """The scores of several sets together."""
        parts = list(parts)
        return cls(sum(part.right for part in parts), sum(part.total for part in parts))

    @property
    def accuracy(self) -> float:
        """Share of correct decisions; NaN without samples."""
        return self.right / self.total if self.total else float("nan")
