"""Whether a thing was found so often in a row, at the same place, that a gripper may go for it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from refseg_ros.answer import Answer, Box, Verdict

LEAST_OVERLAP = 0.5
"""Intersection over union that the boxes of two frames in a row must have to be the same thing."""


@dataclass(frozen=True)
class Standing:
    """How a query stands after a frame."""

    frames: int = 0
    """Frames in a row that found it at the same place."""
    stable: bool = False
    """Found so in at least as many frames as wanted, this one included."""
    lost: bool = False
    """It was stable, and is not found any more."""


class Stability:
    """The standing of the queries of one camera."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[Box, Standing]] = {}

    def judge(self, query_id: int, answer: Answer, wanted: int) -> Standing:
        """The standing of a query after the answer on the next frame; `wanted` frames in a row make it stable."""
        box, before = self._last.get(query_id, (answer.box, Standing()))
        if answer.verdict is not Verdict.FOUND:
            standing = Standing(lost=before.stable or before.lost)
        else:
            frames = before.frames + 1 if overlap(box, answer.box) >= LEAST_OVERLAP else 1
            standing = Standing(frames, stable=frames >= wanted)
        self._last[query_id] = (answer.box, standing)
        return standing

    def keep(self, query_ids: Collection[int]) -> None:
        """Forget all queries but these."""
        self._last = {number: last for number, last in self._last.items() if number in query_ids}


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes; 0 where one is empty."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (one.width * one.height + other.width * other.height - shared)
