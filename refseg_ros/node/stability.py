"""Whether a thing was found at the same place in enough frames in a row for a gripper to go for it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from refseg_ros.answer import Answer, Box, Verdict
from refseg_ros.space.pinhole import Array

LEAST_OVERLAP = 0.5
"""Intersection over union that the boxes of two frames in a row must have to be the same thing."""


@dataclass(frozen=True, eq=False)
class Spot:
    """A place in space: (3,) metres in a frame."""

    frame: str
    position: Array


@dataclass(frozen=True)
class Standing:
    """How a query stands after a frame."""

    frames: int = 0
    """Frames in a row that found it at the same place."""
    stable: bool = False
    """Found so in at least as many frames as wanted, this one included."""
    lost: bool = False
    """It was stable, and is not found any more."""


@dataclass(frozen=True)
class _Run:
    """Frames in a row that found a thing at the same place."""

    box: Box
    """In the last one."""
    begin: Spot | None
    """The place in the first frame that has one; later places are compared with it, so slow drift is noticed."""
    standing: Standing


class Stability:
    """The standing of the queries of one camera.

    If the place of a thing in space is known, only that counts: the thing may move through the image of a camera that
    moves, as long as it rests in the frame of its place. Otherwise the boxes in the image count.
    """

    def __init__(self) -> None:
        self._last: dict[int, _Run] = {}

    def judge(
        self, query_id: int, answer: Answer, wanted: int, spot: Spot | None = None, distance: float = 0.0
    ) -> Standing:
        """The standing of a query after the answer on the next frame.

        Args:
            query_id: its number.
            answer: to it.
            wanted: frames in a row that make it stable.
            spot: where the thing is in space, if that is known.
            distance: how far `spot` may be from the place in the first of the frames, in metres.
        """
        run = self._last.get(query_id, _Run(answer.box, None, Standing()))
        if answer.verdict is not Verdict.FOUND:
            standing, begin = Standing(lost=run.standing.stable or run.standing.lost), None
        elif _goes_on(run, answer, spot, distance):
            frames = run.standing.frames + 1
            standing, begin = Standing(frames, stable=frames >= wanted), run.begin or spot
        else:
            standing, begin = Standing(1, stable=wanted <= 1), spot
        self._last[query_id] = _Run(answer.box, begin, standing)
        return standing

    def keep(self, query_ids: Collection[int]) -> None:
        """Forget all queries but these."""
        self._last = {number: last for number, last in self._last.items() if number in query_ids}


def _goes_on(run: _Run, answer: Answer, spot: Spot | None, distance: float) -> bool:
    if spot is not None and run.begin is not None:
        here, there = spot.position, run.begin.position
        return spot.frame == run.begin.frame and float(np.linalg.norm(here - there)) <= distance
    return overlap(run.box, answer.box) >= LEAST_OVERLAP


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes; 0 where one is empty."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (one.width * one.height + other.width * other.height - shared)
