"""Where the time of a frame goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Seconds spent in each step of the newest frame's way.

    Attributes:
        spent: step -> seconds, in the order in which the steps were first taken.
    """

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure what is done inside, also when it fails."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.spent[name] = time.perf_counter() - began
