"""The demonstration's table: a line for each answer, and the mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refseg_ros.answer import Verdict
from refseg_ros.demo.client import Reply
from refseg_ros.text import printable

HEADING = f"{'#':>2}  {'expression':<46}  {'kind':<8}  {'verdict':<14}  score  {'box x,y wxh':<15}   IoU     ms"


@dataclass(frozen=True)
class Row:
    """One answer."""

    text: str
    kind: str
    verdict: Verdict
    score: float
    box: tuple[int, int, int, int]
    """x, y, width, height in pixels."""
    iou: float | None
    """Intersection over union with the truth; None if the truth is unknown."""
    delay: float
    """Milliseconds from the camera's stamp until the mask arrived."""
    unknown: tuple[str, ...]
    """Words of the expression that the model does not know."""
    overlay: np.ndarray
    """(H, W, 3) uint8 RGB: the answer drawn over its image."""
    mask: np.ndarray
    """(H, W) uint8, 0 or 255: where the answer says that the thing is."""
    truth: np.ndarray | None
    """(H, W) bool: the true mask, empty if nothing fits; None if the truth is unknown."""

    @staticmethod
    def of(text: str, kind: str, reply: Reply, iou: float | None, truth: np.ndarray | None) -> Row:
        """Make the row of a reply."""
        result, box = reply.result, reply.result.box
        return Row(
            text=text,
            kind=kind,
            verdict=Verdict(result.verdict),
            score=result.score,
            box=(box.x, box.y, box.width, box.height),
            iou=iou,
            delay=reply.delay,
            unknown=tuple(result.unknown_words),
            overlay=reply.overlay,
            mask=reply.mask,
            truth=truth,
        )

    def judgement(self) -> str:
        """Say in a few words how good the answer is; its verdict alone where the truth is not known."""
        if self.iou is None or self.truth is None:
            return self.verdict.label
        if self.truth.any():
            return f"{self.kind}: IoU {self.iou:.2f}"
        return f"{self.kind}: {'rightly' if self.iou else 'wrongly'} {self.verdict.label}"

    def line(self, number: int) -> str:
        """Format it as a line of the table."""
        text = printable(self.text)
        text = text if len(text) <= 46 else text[:43] + "..."
        x, y, width, height = self.box
        box = f"{x},{y} {width}x{height}" if width else "-"
        iou = "   -" if self.iou is None else f"{self.iou:4.2f}"
        said = f"{self.verdict.label:<14}  {self.score:5.2f}  {box:<15}  {iou}"
        return f"{number:>2}  {text:<46}  {self.kind:<8}  {said}  {self.delay:5.0f}"


def mean_iou(rows: Sequence[Row]) -> float | None:
    """Mean of the known IoUs; None if there are none."""
    known = [row.iou for row in rows if row.iou is not None]
    return float(np.mean(known)) if known else None


def summary(rows: Sequence[Row]) -> str:
    """Format the last line."""
    mean = mean_iou(rows)
    delay = float(np.median([row.delay for row in rows]))
    known = "" if mean is None else f"mean IoU {mean:.3f}, "
    return f"{len(rows)} answers: {known}camera stamp to mask {delay:.0f} ms in the median"
