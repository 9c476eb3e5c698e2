"""Freed memory goes back to the system."""

from __future__ import annotations

import ctypes
import gc
from pathlib import Path

import pytest

from refseg_ros.node.freed_memory import give_back_freed_memory

BLOCK, MANY = 64_000, 1000
"""Blocks too small for the C library to take each from the system by itself, and so many that no noise hides them."""


def own_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library is not glibc")
def test_what_lies_between_blocks_in_use_is_given_back() -> None:
    blocks = [bytearray(b"x" * BLOCK) for _ in range(MANY)]
    kept = blocks[-1]
    del blocks
    gc.collect()
    before = own_bytes()
    give_back_freed_memory()
    assert own_bytes() < before - BLOCK * MANY * 0.8
    assert kept[0] == ord("x")
