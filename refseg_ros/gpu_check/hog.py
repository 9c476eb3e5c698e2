"""Takes the memory of the GPU until its standard input is closed: `python -m refseg_ros.gpu_check.hog [--rehearse]`."""

from __future__ import annotations

import sys

from refseg_ros.engines.cuda import first_gpu
from refseg_ros.errors import EngineError
from refseg_ros.gpu_check import stand_ins

LEAST = 1 << 20
"""Bytes of the smallest block that is tried."""


def main() -> int:
    """Take the memory in ever smaller blocks until none is free, and print how many bytes."""
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
