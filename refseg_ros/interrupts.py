"""Ctrl-C while a command is still importing its modules.

A KeyboardInterrupt would go through whatever is half imported, and some modules make another error of it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from itertools import pairwise
from types import FrameType
from typing import Any

STOPPED = 130
"""Exit code after Ctrl-C."""


def is_started_from(package: str) -> bool:
    """Whether this process is `python -m` with a module of a package."""
    return any(flag == "-m" and name.startswith(f"{package}.") for flag, name in pairwise(sys.orig_argv))


def end_at_interrupt(code: int = STOPPED, word: bytes = b"stopped\n") -> Any:
    """Let Ctrl-C end the process at once with an exit code, after a word on stderr; returns the handler before.

    Where Ctrl-C is ignored, or the process has a handler of its own, nothing changes.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread():  # only that one can set handlers
        return before
    if before is signal.default_int_handler or isinstance(before, _End):
        signal.signal(signal.SIGINT, _End(code, word))
    return before


def raise_at_interrupt() -> None:
    """Let Ctrl-C raise a KeyboardInterrupt again after `end_at_interrupt`."""
    if isinstance(signal.getsignal(signal.SIGINT), _End):
        signal.signal(signal.SIGINT, signal.default_int_handler)


class _End:
    def __init__(self, code: int, word: bytes) -> None:
        self._code, self._word = code, word

    def __call__(self, number: int, frame: FrameType | None) -> None:
        os.write(2, self._word)
        os._exit(self._code)
