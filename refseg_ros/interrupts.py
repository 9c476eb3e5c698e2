"""Ends a process at Ctrl-C, even while it still imports its modules, and when its parent ends.

During an import, a KeyboardInterrupt would pass through half-imported modules, and some turn it into another error.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from types import FrameType
from typing import Any

STOPPED = 130
"""Exit code after Ctrl-C."""
_SET_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of <sys/prctl.h>."""


def is_started_from(package: str) -> bool:
    """Whether this process is `python -m` with a module of a package."""
    return any(flag == "-m" and name.startswith(f"{package}.") for flag, name in pairwise(sys.orig_argv))


def end_at_interrupt(code: int = STOPPED, word: bytes = b"stopped\n") -> Any:
    """Let Ctrl-C end the process at once with an exit code, after a word on stderr; returns the previous handler.

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


@contextmanager
def importing() -> Iterator[None]:
    """Let Ctrl-C end the process at once while a command imports modules that only some of its work needs."""
    end_at_interrupt()
    try:
        yield
    finally:
        raise_at_interrupt()


@contextmanager
def held_interrupt() -> Iterator[None]:
    """Delay Ctrl-C until the end of a block that it must not interrupt.

    Processes and threads that the block starts never get it, even from a terminal, which sends it to all processes.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before in (signal.SIG_IGN, None):
        yield
        return
    came: list[int] = []
    # The mask is for what the block starts; a thread that ran before it may still get the signal for the process.
    signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)


def end_with_parent() -> None:
    """Let the kernel send SIGTERM to the calling process when its parent ends, however that ends; on Linux."""
    ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGTERM)


class _End:
    def __init__(self, code: int, word: bytes) -> None:
        self._code, self._word = code, word

    def __call__(self, number: int, frame: FrameType | None) -> None:
        os.write(2, self._word)
        os._exit(self._code)
