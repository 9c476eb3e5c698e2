"""The state of a camera for the diagnostics: written by the worker, read once per second."""

from __future__ import annotations

import time
from collections import deque

from refseg_ros.node.freshness import Counters, Rate

KEPT_TIMES = 100
"""Answers over which the time of the inference is averaged."""


class Health:
    """What is known of one camera since it was opened. Times are those of `time.monotonic`, in seconds."""

    def __init__(self) -> None:
        self.counters = Counters()
        self.images = Rate()
        self.answers = Rate()
        self.inference: deque[float] = deque(maxlen=KEPT_TIMES)
        """What encoding and fusion of the last answers took, in milliseconds."""
        self.frame_age = 0.0
        """Age of the last image whose turn came, in seconds."""
        self.stale = ""
        """If images are too old, the key of `diagnostics.WHY_STALE`; empty again after an answer in time."""
        self.failed_in_a_row = 0
        self.last_fault = ""
        """Why the last image was refused or lost."""
        self.not_placed = ""
        """Why a thing of the last answered image is not placed in space; empty where all are, or none is to be."""
        self._heard = time.monotonic()
        self._fault_at = -float("inf")

    def received(self) -> None:
        """An image arrived."""
        self._heard = time.monotonic()
        self.images.note(self._heard)
        self.counters.received += 1

    def answered(self, milliseconds: float) -> None:
        """An image was answered, after an inference of so many milliseconds."""
        self.counters.answered += 1
        self.answers.note(time.monotonic())
        self.inference.append(milliseconds)
        self.failed_in_a_row = 0

    def refused(self, reason: str) -> None:
        """An image was not usable."""
        self.counters.refused += 1
        self._note_fault(reason)

    def failed(self, reason: str) -> None:
        """An image was lost by an error."""
        self.counters.failed += 1
        self.failed_in_a_row += 1
        self._note_fault(reason)

    def silence(self, now: float) -> float:
        """Seconds since the last image, or since the camera was opened; at least 0."""
        return max(0.0, now - self._heard)

    def since_fault(self, now: float) -> float:
        """Seconds since an image was refused or lost."""
        return now - self._fault_at

    def _note_fault(self, reason: str) -> None:
        self.last_fault = reason
        self._fault_at = time.monotonic()
