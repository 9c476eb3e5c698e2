"""Counts faults by kind, and logs them without flooding the log."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable


class FaultLog:
    """Counts every fault; logs the first of a kind at once, later ones at most every `pause` seconds."""

    def __init__(self, log: Callable[[str], object], pause: float = 10.0) -> None:
        self._log = log
        self._pause = pause
        self._logged_at: dict[str, float] = {}
        self.counts: Counter[str] = Counter()
        """Kind -> how often it happened."""

    def note(self, kind: str, reason: str) -> None:
        """Count a fault, and log its reason in one line unless the kind was logged less than `pause` seconds ago."""
        self.counts[kind] += 1
        now = time.monotonic()
        if kind in self._logged_at and now - self._logged_at[kind] < self._pause:
            return
        self._logged_at[kind] = now
        count = self.counts[kind]
        self._log(reason if count == 1 else f"{reason} (met {count} times)")
