"""How old an image is, how many are answered, and what became of the others."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

RATE_WINDOW = 5.0
"""Seconds over which a rate is taken."""
MOST_ARRIVALS = 1024
"""Arrivals that are remembered, which bounds the memory of a camera without a limit."""


@dataclass
class Counters:
    """What became of a camera's images; each received image is also counted in one of the others.

    Attributes:
        received: images that arrived.
        answered: images on which each query was answered.
        superseded: gave way to a newer one before their turn came.
        stale: were older than `max_frame_age` before they could be answered; the answer says so.
        refused: were no usable images.
        failed: were lost by an error.
        passed: no answer was due, because there was no query, or because of `max_rate`.
    """

    received: int = 0
    answered: int = 0
    superseded: int = 0
    stale: int = 0
    refused: int = 0
    failed: int = 0
    passed: int = 0


def frame_age(stamp: float, arrival: float, now: float) -> float:
    """How old an image is, in seconds, at least 0.

    It counts from the stamp, or from the arrival if the stamp is 0 or later than that.

    Args:
        stamp: of the image, in seconds; 0 if the camera gives none.
        arrival: when it was received, in seconds on the node's clock.
        now: in seconds on the node's clock.
    """
    begin = stamp if 0.0 < stamp < arrival else arrival
    return max(0.0, now - begin)


class RateLimit:
    """Says when an answer is due: at most at a given rate, and on average at that rate."""

    def __init__(self) -> None:
        self._due = -math.inf

    def is_due(self, rate: float, now: float) -> bool:
        """Whether to answer now, which counts as done. `rate` in 1/s, 0 for no limit; `now` in seconds."""
        if rate <= 0.0:
            self._due = -math.inf
            return True
        period = 1.0 / rate
        self._due = min(self._due, now + period)  # the rate was raised
        if now < self._due:
            return False
        # An answer less than 1.5 periods late does not delay the next: a camera at this rate is early as often as late.
        self._due = (self._due if self._due > now - 1.5 * period else now) + period
        return True


class Rate:
    """How often something happens: the arrivals of the last seconds."""

    def __init__(self) -> None:
        self._moments: deque[float] = deque(maxlen=MOST_ARRIVALS)

    def note(self, now: float) -> None:
        """Note that it happened; `now` in seconds of a clock that never jumps."""
        self._moments.append(now)

    def per_second(self, now: float) -> float:
        """The mean rate over the last RATE_WINDOW seconds, in 1/s; 0 where it happened less than twice."""
        recent = [moment for moment in list(self._moments) if now - moment <= RATE_WINDOW]
        return (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 1 and recent[-1] > recent[0] else 0.0
