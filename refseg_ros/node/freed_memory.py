"""Memory that was freed, and that ONNX Runtime and the C library keep for later."""

from __future__ import annotations

import ctypes

from refseg_ros.engines.onnx import renew_memory


def give_back_freed_memory() -> None:
    """Give the system what is kept of memory that was freed: by ONNX Runtime, and by the C library if that is glibc.

    Threads take memory from up to eight arenas for each core, and what was freed serves threads of its arena alone. A
    model that one thread after another loads, and the middleware's buffers of one topic after another, would leave
    their size in each of them.
    """
    renew_memory()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
