"""Scores of referring segmentation, gathered sample by sample."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)


def intersection_union(mask: np.ndarray, truth: np.ndarray) -> tuple[int, int]:
    """Pixels in both and in either of two boolean masks of one shape."""
    return int(np.count_nonzero(mask & truth)), int(np.count_nonzero(mask | truth))


@dataclass
class Scores:
    """Overall IoU (all intersections over all unions), mean IoU, and precision: the share at or above an IoU."""

    intersections: list[int] = field(default_factory=list)
    unions: list[int] = field(default_factory=list)

    def add(self, mask: np.ndarray, truth: np.ndarray) -> None:
        """One prediction, boolean masks of one shape. Two empty masks agree: IoU 1."""
        intersection, union = intersection_union(mask, truth)
        self.intersections.append(intersection)
        self.unions.append(union)

    @classmethod
    def merged(cls, parts: Iterable[Scores]) -> Scores:
        """The scores of several sets together."""
        whole = cls()
        for part in parts:
            whole.intersections += part.intersections
            whole.unions += part.unions
        return whole

    def __len__(self) -> int:
        return len(self.unions)

    @property
    def ious(self) -> np.ndarray:
        """(n,) float64."""
        unions = np.array(self.unions, np.float64)
        return np.where(unions > 0, np.array(self.intersections) / np.maximum(unions, 1), 1.0)

    @property
    def overall(self) -> float:
        """Overall IoU; NaN of nothing."""
        return sum(self.intersections) / sum(self.unions) if sum(self.unions) else float("nan")

    @property
    def mean(self) -> float:
        """Mean IoU; NaN of nothing."""
        return float(self.ious.mean()) if len(self) else float("nan")

    def precision(self, threshold: float) -> float:
        """Share of samples with at least this IoU; NaN of nothing."""
        return float((self.ious >= threshold).mean()) if len(self) else float("nan")
