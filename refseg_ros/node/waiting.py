"""Waiting in the executor's thread for what the worker does, without holding the executor up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from typing import Generic, TypeVar

Result = TypeVar("Result")

POLL = 0.002
"""Seconds that each spin of the executor waits, so that it does not spin idly and still serves everything else."""


class Pending(Generic[Result]):
    """A result that the worker gives, and that a coroutine of the executor awaits."""

    def __init__(self, is_given_up: Callable[[], bool]) -> None:
        """`is_given_up` returns whether the worker will give no result any more."""
        self._is_given_up = is_given_up
        self._given = threading.Event()
        self._result: Result | None = None

    def give(self, result: Result) -> None:
        """Give the result."""
        self._result = result
        self._given.set()

    def __await__(self) -> Generator[None, None, Result | None]:
        """The result; None when it was given up."""
        while not self._given.wait(POLL) and not self._is_given_up():
            yield
        return self._result
