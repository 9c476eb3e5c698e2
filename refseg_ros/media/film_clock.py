"""The time of each picture of a film, from its stamps, which may repeat, go back or be missing."""

from __future__ import annotations

from collections import deque
from statistics import median

ASSUMED_RATE = 30.0
"""Pictures per second of a video that has neither stamps nor a frame rate."""
LOOKED_AT = 100
"""How many steps between stamps tell what is usual."""
_UNKNOWN_RATE = 1000.0
"""What OpenCV says for a container that has no rate."""
_REORDERED = 3
"""A stamp up to so many usual steps back is out of order; one further back begins a new timeline."""
_SHORTEST = 1.0 / 16.0
"""Smallest step between pictures with the same stamp, as a share of the usual step."""


class FilmClock:
    """Turns a film's stamps into times that always rise.

    Attributes:
        seconds: time of the picture noted last, counted from the first one.
        has_rate: whether the container has a rate.
    """

    def __init__(self, rate: float) -> None:
        """Begin.

        Args:
            rate: pictures per second, as OpenCV gives it.
        """
        self.seconds = 0.0
        self.has_rate = 0.0 < rate < _UNKNOWN_RATE
        self._said = 1.0 / (rate if self.has_rate else ASSUMED_RATE)
        self._steps: deque[float] = deque(maxlen=LOOKED_AT)
        self._before: float | None = None
        self._zero = 0.0  # the stamp at 0 s
        self._latest = 0.0  # seconds of the latest stamp

    @property
    def usual(self) -> float:
        """Seconds from one picture to the next."""
        return median(self._steps) if self._steps else self._said

    def note(self, stamp: float) -> None:
        """Take the stamp of the next picture, in seconds."""
        if self._before is None:
            self._before = self._zero = stamp
            return
        goes_on, self._before = stamp > self._before, stamp
        place = stamp - self._zero
        if place > self._latest:
            self._steps.append(place - self._latest)
            self._latest = place
        if place > self.seconds:
            self.seconds = place
        elif place < self.seconds - _REORDERED * self.usual:
            self.seconds += self.usual
            if goes_on:  # else it is a picture without a stamp, which OpenCV puts at 0
                self._zero, self._latest = stamp - self.seconds, self.seconds
        elif self._steps:
            # Half of the way to where the next stamp is expected: pairs with the same stamp become even steps.
            self.seconds += max((self._latest + self.usual - self.seconds) / 2.0, _SHORTEST * self.usual)
        else:
            self.seconds += self.usual
