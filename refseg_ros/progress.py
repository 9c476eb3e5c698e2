"""Shows the progress of a long task on stderr."""

from __future__ import annotations

import sys
import time


class Progress:
    """A line that changes on a terminal; elsewhere a new line every few seconds."""

    def __init__(self) -> None:
        self._on_terminal = sys.stderr.isatty()
        self._interval = 0.1 if self._on_terminal else 5.0
        self._began = self._shown = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the task began."""
        return time.monotonic() - self._began

    def show(self, line: str) -> None:
        """Show the progress, at most once per interval."""
        now = time.monotonic()
        if now - self._shown < self._interval:
            return
        self._shown = now
        before, after = ("\r", "\033[K") if self._on_terminal else ("", "\n")
        print(before + line, end=after, file=sys.stderr, flush=True)

    def end(self) -> None:
        """Remove the changing line."""
        if self._on_terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
