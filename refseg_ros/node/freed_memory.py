"""Memory that was freed, and that ONNX Runtime and the C library keep for later."""

from __future__ import annotations

import ctypes

from refseg_ros.engines.onnx import renew_memory


def give_back_freed_memory() -> None:
    """Give the system the freed memory that ONNX Runtime keeps, and that the C library keeps if it is glibc.

    glibc has up to eight arenas for each core, and memory that was freed in one serves only the threads of that arena.
    So a model that is loaded by one thread after another would take its size in each of them, and so would the
    middleware's buffers of one topic after another.
    """
    renew_memory()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
