"""Where the frames of a robot are to each other at a moment, from what its parts publish. Without ROS.

Frames form a tree: each has at most one parent, and where it is in that is known at some moments, or once for all. As
in tf2, what lies between two known moments is interpolated (the translation along a line, the rotation along the
shortest arc), and what lies before the first or after the last of them is not known: never is the latest one taken.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from refseg_ros.pairing import NANOSECONDS

Array = npt.NDArray[np.float64]

MEMORY = 10 * NANOSECONDS
"""How far back is remembered."""
JUMP = NANOSECONDS
"""A clock that jumps back by more than this makes all that was before it worthless."""
MOST_MOMENTS = 1000
"""Moments that are remembered of a frame: 10 s at 100 Hz."""
MOST_FRAMES = 1000
DENORMALISED = 0.01
"""How far the length of a quaternion may be from 1."""


class TransformError(ValueError):
    """There is no transform; the message says why in one line.

    Attributes:
        lag: how long before the wanted moment what is known ends, in seconds; it may still come. None where that is
            not the reason.
    """

    def __init__(self, reason: str, lag: float | None = None) -> None:
        super().__init__(reason)
        self.lag = lag


@dataclass(frozen=True, eq=False)
class Transform:
    """Takes points of one frame to where they are in another: rotation (3, 3) @ point (3,) + translation (3,)."""

    rotation: Array
    translation: Array

    def __matmul__(self, other: Transform) -> Transform:
        """First the other one, then this."""
        return Transform(self.rotation @ other.rotation, self.rotation @ other.translation + self.translation)

    def inverse(self) -> Transform:
        """The way back."""
        return Transform(self.rotation.T, -self.rotation.T @ self.translation)

    def move(self, points: npt.NDArray[np.floating]) -> Array:
        """Points (N, 3), or one (3,), in the other frame."""
        return np.asarray(points @ self.rotation.T + self.translation, np.float64)


IDENTITY = Transform(np.eye(3), np.zeros(3))


@dataclass
class _Frame:
    """A frame in its parent: translation (3,) and unit quaternion (x, y, z, w) at rising stamps, or once for all."""

    parent: str
    is_static: bool
    stamps: list[int] = field(default_factory=list)
    poses: list[tuple[Array, Array]] = field(default_factory=list)


class TransformTree:
    """The frames of a robot; bounded in memory, whatever is published. For one thread, or under a lock."""

    def __init__(self) -> None:
        self._frames: dict[str, _Frame] = {}

    def __len__(self) -> int:
        """Count the frames that have a parent."""
        return len(self._frames)

    def put(
        self,
        parent: str,
        child: str,
        stamp: int,
        translation: Sequence[float],
        quaternion: Sequence[float],
        is_static: bool = False,
    ) -> None:
        """Learn where a frame is in its parent.

        Args:
            parent: name of a frame.
            child: name of a frame in it.
            stamp: nanoseconds; of no interest where it is static.
            translation: x, y, z in metres.
            quaternion: x, y, z, w.
            is_static: whether it holds for all times.

        Raises:
            TransformError: a name or number is none, or there are too many frames.
        """
        parent, child = parent.lstrip("/"), child.lstrip("/")
        if not parent or not child or parent == child:
            raise TransformError(f"frame {_shown(child)} cannot have the parent {_shown(parent)}")
        place, turn = np.array(translation, np.float64), np.array(quaternion, np.float64)
        length = float(np.linalg.norm(turn))
        if not (np.isfinite(place).all() and abs(length - 1.0) < DENORMALISED):
            raise TransformError(f"the transform from {_shown(parent)} to {_shown(child)} is none: {place}, {turn}")
        frame = self._frames.get(child)
        if frame is None and len(self._frames) >= MOST_FRAMES:
            raise TransformError(f"frame {_shown(child)} is one more than the {MOST_FRAMES} that are remembered")
        if frame is None or frame.parent != parent or frame.is_static or is_static:
            frame = self._frames[child] = _Frame(parent, is_static)
        _remember(frame, stamp, (place, turn / length))

    def at(self, target: str, source: str, stamp: int) -> Transform:
        """What takes points of the frame `source` into the frame `target` at a moment in nanoseconds.

        Raises:
            TransformError: they are not connected, or where they were at that moment is not known.
        """
        target, source = target.lstrip("/"), source.lstrip("/")
        up, down = self._ancestors(source), self._ancestors(target)
        shared = next((name for name in up if name in down), None)
        if shared is None:
            for name, line in ((target, down), (source, up)):
                if len(line) == 1 and name not in {frame.parent for frame in self._frames.values()}:
                    raise TransformError(f"no transform names a frame {_shown(name)}")
            raise TransformError(f"no transforms connect {_shown(source)} with {_shown(target)}")
        rise = self._climb(up[: up.index(shared)], stamp)
        return self._climb(down[: down.index(shared)], stamp).inverse() @ rise

    def _ancestors(self, name: str) -> list[str]:
        """A frame, its parent, and so on."""
        line = [name]
        while (frame := self._frames.get(line[-1])) is not None:
            if frame.parent in line:
                raise TransformError(f"the frames above {_shown(name)} go round in a circle")
            line.append(frame.parent)
        return line

    def _climb(self, line: Sequence[str], stamp: int) -> Transform:
        """From the first of some frames to the parent of the last."""
        whole = IDENTITY
        for name in line:
            whole = self._in_parent(name, stamp) @ whole
        return whole

    def _in_parent(self, name: str, stamp: int) -> Transform:
        frame = self._frames[name]
        stamps, poses = frame.stamps, frame.poses
        after = bisect.bisect_left(stamps, stamp)
        if frame.is_static:
            return _transform(*poses[0])
        if after < len(stamps) and stamps[after] == stamp:
            return _transform(*poses[after])
        words = f"the transform from {_shown(frame.parent)} to {_shown(name)}"
        if after == len(stamps):
            lag = (stamp - stamps[-1]) / NANOSECONDS
            raise TransformError(f"{words} ends {lag:.3g} s before the moment of the image", lag)
        if after == 0:
            lead = (stamps[0] - stamp) / NANOSECONDS
            raise TransformError(f"{words} begins {lead:.3g} s after the moment of the image")
        share = (stamp - stamps[after - 1]) / (stamps[after] - stamps[after - 1])
        (place, turn), (next_place, next_turn) = poses[after - 1], poses[after]
        return _transform(place + share * (next_place - place), _between(turn, next_turn, share))


def _remember(frame: _Frame, stamp: int, pose: tuple[Array, Array]) -> None:
    """Put a pose in its place among the others, in the order of their stamps; forget what is too old, or of before."""
    stamps, poses = frame.stamps, frame.poses
    if stamps and stamps[-1] - stamp > JUMP:
        stamps.clear()
        poses.clear()
    place = bisect.bisect_left(stamps, stamp)
    if place < len(stamps) and stamps[place] == stamp:
        poses[place] = pose
        return
    stamps.insert(place, stamp)
    poses.insert(place, pose)
    old = max(bisect.bisect_left(stamps, stamps[-1] - MEMORY), len(stamps) - MOST_MOMENTS)
    del stamps[:old], poses[:old]


def _transform(translation: Array, quaternion: Array) -> Transform:
    x, y, z, w = quaternion
    rotation = np.array(
        [
            [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - z * w), 2.0 * (x * z + y * w)],
            [2.0 * (x * y + z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - x * w)],
            [2.0 * (x * z - y * w), 2.0 * (y * z + x * w), 1.0 - 2.0 * (x * x + y * y)],
        ]
    )
    return Transform(rotation, translation)


def _between(one: Array, other: Array, share: float) -> Array:
    """The unit quaternion that lies so far on the shortest arc from one to another."""
    cosine = float(one @ other)
    if cosine < 0.0:  # the same rotation, the short way round
        other, cosine = -other, -cosine
    if cosine > 0.9995:  # so near that the arc is a line
        turn = one + share * (other - one)
        return np.asarray(turn / np.linalg.norm(turn), np.float64)
    angle = math.acos(min(1.0, cosine))
    return np.asarray(
        (math.sin((1.0 - share) * angle) * one + math.sin(share * angle) * other) / math.sin(angle), np.float64
    )


def _shown(name: str) -> str:
    """A name from the network, for a line of text."""
    return ascii(name[:80])
