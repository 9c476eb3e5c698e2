"""Memory that was freed, and that the C library keeps for later."""

from __future__ import annotations

import ctypes


def give_back_freed_memory() -> None:
    """Give the system what the C library keeps of memory that was freed; where that is not glibc, do nothing.

    Threads take memory from up to eight arenas for each core, and what was freed serves threads of its arena alone. A
    model that one thread after another loads, and the middleware's buffers of one topic after another, would leave
    their size in each of them.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
