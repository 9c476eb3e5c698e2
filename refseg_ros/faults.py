"""Faults counted by kind, and told in a log that no flood of them can fill."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable


class FaultLog:
    """Counts every fault; tells the first of a kind at once, and later ones of it at most every `pause` seconds."""

    def __init__(self, tell: Callable[[str], object], pause: float = 10.0) -> None:
        self._tell = tell
        self._pause = pause
        self._told_at: dict[str, float] = {}
        self.counts: Counter[str] = Counter()
        """How often each kind was met."""

    def note(self, kind: str, reason: str) -> None:
        """Count a fault of a kind, and tell its reason in one line unless its kind was told a moment ago."""
        self.counts[kind] += 1
        now = time.monotonic()
        if kind in self._told_at and now - self._told_at[kind] < self._pause:
            return
        self._told_at[kind] = now
        count = self.counts[kind]
        self._tell(reason if count == 1 else f"{reason} (met {count} times)")
