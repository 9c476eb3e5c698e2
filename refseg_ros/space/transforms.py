"""Transforms between the frames of a robot at a given moment. Without ROS.

Frames form a tree: each has at most one parent, and its pose in the parent is known at some moments, or is static. As
in tf2, poses between two known moments are interpolated (translation along a line, rotation along the shortest arc).
There is no extrapolation: the latest pose never stands for a later moment.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from refseg_ros.space.pairing import NANOSECONDS
from refseg_ros.space.rotations import rotation
from refseg_ros.text import quoted

Array = npt.NDArray[np.float64]

MEMORY = 10 * NANOSECONDS
"""How far back poses are kept, in nanoseconds."""
JUMP = NANOSECONDS
"""Nanoseconds; if the clock jumps back by more, older poses are dropped."""
MOST_MOMENTS = 1000
"""How many poses of a frame are kept: 10 s at 100 Hz."""
MOST_FRAMES = 1000
DENORMALISED = 0.01
"""Largest difference of a quaternion's length from 1."""


class TransformError(ValueError):
    """There is no transform; the message gives the reason in one line.

    Attributes:
        lag: if the poses known so far end before the wanted moment, by how many seconds; the missing one may still
            come. None for other reasons.
    """

    def __init__(self, reason: str, lag: float | None = None) -> None:
        super().__init__(reason)
        self.lag = lag


@dataclass(frozen=True, eq=False)
class Transform:
    """Maps points of one frame into another: rotation (3, 3) @ point (3,) + translation (3,), metres."""

    rotation: Array
    translation: Array

    def __matmul__(self, other: Transform) -> Transform:
        """The transform that applies `other` first, then this one."""
        return Transform(self.rotation @ other.rotation, self.rotation @ other.translation + self.translation)

    def inverse(self) -> Transform:
        """The inverse transform."""
        return Transform(self.rotation.T, -self.rotation.T @ self.translation)

    def move(self, points: npt.NDArray[np.floating]) -> Array:
        """Map points (N, 3), or one point (3,), into the other frame."""
        return np.asarray(points @ self.rotation.T + self.translation, np.float64)


IDENTITY = Transform(np.eye(3), np.zeros(3))


@dataclass
class _Frame:
    """Poses of a frame in its parent: translation (3,) and unit quaternion (x, y, z, w), by rising stamps or static."""

    parent: str
    is_static: bool
    stamps: list[int] = field(default_factory=list)
    poses: list[tuple[Array, Array]] = field(default_factory=list)


class TransformTree:
    """The frames of a robot, with bounded memory whatever is published. For one thread, or under a lock."""

    def __init__(self) -> None:
        self._frames: dict[str, _Frame] = {}

    def __len__(self) -> int:
        """How many frames have a parent."""
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
        """Add the pose of a frame in its parent.

        Args:
            parent: name of a frame.
            child: name of the frame in it.
            stamp: nanoseconds; ignored for a static pose.
            translation: x, y, z in metres.
            quaternion: x, y, z, w.
            is_static: whether the pose holds for all times.

        Raises:
            TransformError: a name or a number is invalid, or there are too many frames.
        """
        parent, child = parent.lstrip("/"), child.lstrip("/")
        if not parent or not child or parent == child:
            raise TransformError(f"frame {quoted(child)} cannot have the parent {quoted(parent)}")
        place, turn = np.array(translation, np.float64), np.array(quaternion, np.float64)
        length = float(np.linalg.norm(turn))
        if not (np.isfinite(place).all() and abs(length - 1.0) < DENORMALISED):
            raise TransformError(f"the transform from {quoted(parent)} to {quoted(child)} is invalid: {place}, {turn}")
        frame = self._frames.get(child)
        if frame is None and len(self._frames) >= MOST_FRAMES and not self._forget_one(stamp):
            raise TransformError(f"frame {quoted(child)} is one more than the {MOST_FRAMES} that are remembered")
        if frame is None or frame.parent != parent or frame.is_static or is_static:
            frame = self._frames[child] = _Frame(parent, is_static)
        _remember(frame, stamp, (place, turn / length))

    def _forget_one(self, stamp: int) -> bool:
        """Forget the moving frame that has been silent longest, if its poses are too old; return whether they were.

        A tracker that numbers its things, object_1, object_2, ..., leaves frames behind that never come again.
        """
        ends = {name: frame.stamps[-1] for name, frame in self._frames.items() if not frame.is_static}
        oldest = min(ends, key=ends.__getitem__, default=None)
        if oldest is None or ends[oldest] >= max(stamp, *ends.values()) - MEMORY:
            return False
        del self._frames[oldest]
        return True

    def at(self, target: str, source: str, stamp: int) -> Transform:
        """The transform that maps points from `source` into `target` at a moment in nanoseconds.

        Raises:
            TransformError: the frames are not connected, or a pose is not known at that moment.
        """
        target, source = target.lstrip("/"), source.lstrip("/")
        up, down = self._ancestors(source), self._ancestors(target)
        shared = next((name for name in up if name in down), None)
        if shared is None:
            for name, line in ((target, down), (source, up)):
                if len(line) == 1 and name not in {frame.parent for frame in self._frames.values()}:
                    raise TransformError(f"no transform names a frame {quoted(name)}")
            raise TransformError(f"no transforms connect {quoted(source)} with {quoted(target)}")
        rise = self._climb(up[: up.index(shared)], stamp)
        return self._climb(down[: down.index(shared)], stamp).inverse() @ rise

    def _ancestors(self, name: str) -> list[str]:
        """The frame, its parent, and so on up to the root."""
        line = [name]
        while (frame := self._frames.get(line[-1])) is not None:
            if frame.parent in line:
                raise TransformError(f"the frames above {quoted(name)} go round in a circle")
            line.append(frame.parent)
        return line

    def _climb(self, line: Sequence[str], stamp: int) -> Transform:
        """The transform from the first of a line of frames to the parent of the last."""
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
        words = f"the transform from {quoted(frame.parent)} to {quoted(name)}"
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
    """Insert a pose in the order of stamps; drop poses that are too old, or from before a jump of the clock."""
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


def rotation_of(quaternion: npt.ArrayLike) -> Array:
    """The rotation matrix (3, 3) of a unit quaternion (x, y, z, w)."""
    x, y, z, w = np.asarray(quaternion, np.float64)
    return rotation((w, x, y, z))


def _transform(translation: Array, quaternion: Array) -> Transform:
    return Transform(rotation_of(quaternion), translation)


def _between(one: Array, other: Array, share: float) -> Array:
    """The unit quaternion at a share (0 to 1) of the shortest arc from one to the other."""
    cosine = float(one @ other)
    if cosine < 0.0:  # the same rotation, the short way round
        other, cosine = -other, -cosine
    if cosine > 0.9995:  # so close that the arc is nearly a line
        turn = one + share * (other - one)
        return np.asarray(turn / np.linalg.norm(turn), np.float64)
    angle = math.acos(min(1.0, cosine))
    return np.asarray(
        (math.sin((1.0 - share) * angle) * one + math.sin(share * angle) * other) / math.sin(angle), np.float64
    )
