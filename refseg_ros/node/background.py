"""Long work in a thread of its own, so that the main thread can still end the node."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")

POLL = 0.1
"""Seconds from one call of `meanwhile` to the next."""


class Background(Generic[Result]):
    """Work in a thread of its own, which does not keep the process from ending.

    `is_running` is right at any moment, even if a signal comes while the thread starts. The node needs to know: a
    process that ends in the usual way while a runtime loads a model is aborted.

    Attributes:
        is_running: whether the work was started and has not ended.
    """

    def __init__(self, work: Callable[[], Result]) -> None:
        """Begin with `work` not started."""
        self._work = work
        self._result: Result
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="background", daemon=True)
        self.is_running = False

    def start(self) -> None:
        """Start the work in its thread."""
        self.is_running = True
        self._thread.start()

    def wait(self, meanwhile: Callable[[], bool]) -> Result:
        """Wait for the result; `meanwhile` is called every POLL seconds, and ends the waiting by returning False.

        Raises:
            InterruptedError: `meanwhile` ended the waiting.
            Exception: what the work raised.
        """
        while self.is_running:
            self._thread.join(POLL)
            if self.is_running and not meanwhile():
                raise InterruptedError("nobody waits for the result any more")
        if self._error is not None:
            raise self._error
        return self._result

    def _run(self) -> None:
        try:
            self._result = self._work()
        except BaseException as error:
            self._error = error
        finally:
            self.is_running = False
