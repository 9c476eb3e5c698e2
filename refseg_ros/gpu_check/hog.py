"""Takes the memory of the GPU until its standard input is closed: `python -m refseg_ros.gpu_check.hog [--rehearse]`."""

from __future__ import annotations

import sys

from refseg_ros.engines.cuda import first_gpu
from refseg_ros.errors import EngineError
from refseg_ros.gpu_check import stand_ins

LEAST = 1 << 20
"""Bytes of the smallest block that is tried."""


def main() -> int:
    """Take it block by block, halving the block where none is free any more, and say how much."""
    if "--rehearse" in sys.argv[1:]:
        stand_ins.install()
    gpu = first_gpu()
    size, taken = 1 << 38, 0
    while size >= LEAST:
        try:
            gpu.allocate(size)
            taken += size
        except EngineError:
            size //= 2
    print(taken, flush=True)
    sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
