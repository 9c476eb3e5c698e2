"""Which frames of a camera its clip is made of."""

from __future__ import annotations

import math


def check_stamp(stamp: float) -> None:
    """Refuse a stamp that is not a finite number of seconds.

    Raises:
        ValueError: the stamp is not finite.
    """
    if not math.isfinite(stamp):
        raise ValueError(f"the stamp of a frame must be a finite number of seconds, this is {stamp}")


class FrameBuffer:
    """The newest frame, and slots for the frames before it.

    The slots stand in no particular order, as attention has no term for time. Those that hold a frame come first. All
    frames but the newest are about `interval` apart, whatever the camera's rate; when the camera is slower than that,
    every frame gets a slot.
    """

    def __init__(self, length: int, interval: float, maximum_gap: float) -> None:
        """Begin without a frame; a clip has at most `length` of them. `interval` and `maximum_gap` in seconds."""
        self._slots = length - 1
        self._interval = interval
        self._maximum_gap = maximum_gap
        self._newest: float | None = None
        self._past: list[tuple[float, int]] = []  # stamp and slot of each frame that has one, oldest first

    def __len__(self) -> int:
        """Count the slots that hold a frame; they are the first ones."""
        return len(self._past)

    @property
    def stamps(self) -> list[float]:
        """The stamps of the clip's frames, oldest first."""
        return [stamp for stamp, _ in self._past] + ([] if self._newest is None else [self._newest])

    @property
    def slots(self) -> list[int]:
        """The slots that hold a frame, that of the oldest first."""
        return [slot for _, slot in self._past]

    def admit(self, stamp: float) -> int | None:
        """Take the next frame.

        A stamp before the newest one, or later than `maximum_gap` after it, begins a new clip.

        Args:
            stamp: seconds, on any clock.

        Returns:
            The slot that the frame before this one goes to; None when it is forgotten.

        Raises:
            ValueError: the stamp is not a finite number.
        """
        check_stamp(stamp)
        before, self._newest = self._newest, stamp
        if before is None:
            return None
        if not 0.0 <= stamp - before <= self._maximum_gap:
            self._past.clear()
            return None
        if not self._slots or self._gives_way(before, stamp):
            return None
        slot = len(self._past) if len(self._past) < self._slots else self._past.pop(0)[1]
        self._past.append((before, slot))
        return slot

    def clear(self) -> None:
        """Forget all frames."""
        self._past.clear()
        self._newest = None

    def _gives_way(self, newest: float, stamp: float) -> bool:
        """Whether this frame replaces the newest one: it is nearer to `interval` after the last frame with a slot, or
        has the same stamp.
        """
        if stamp == newest:
            return True
        if not self._past:
            return False
        last = self._past[-1][0]
        return (newest - last) + (stamp - last) < 2 * self._interval
