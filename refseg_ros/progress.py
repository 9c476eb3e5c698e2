"""How far a long task is, on stderr."""

from __future__ import annotations

import sys
import time


class Progress:
    """On a terminal one line that changes, elsewhere a line every few seconds."""

    def __init__(self) -> None:
        self._on_terminal = sys.stderr.isatty()
        self._interval = 0.1 if self._on_terminal else 5.0
        self._began = self._shown = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the task began."""
        return time.monotonic() - self._began

    def show(self, line: str) -> None:
        """Show how far it is, unless that was shown just now."""
        now = time.monotonic()
        if now - self._shown < self._interval:
            return
        self._shown = now
        before, after = ("\r", "\033[K") if self._on_terminal else ("", "\n")
        print(before + line, end=after, file=sys.stderr, flush=True)

    def end(self) -> None:
        """Take the line that changes away."""
        if self._on_terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
