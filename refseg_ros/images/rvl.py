"""Unpacks depth images in RVL, as compressed_depth_image_transport writes them.

Andrew D. Wilson: "Fast Lossless Depth Image Compression", ISS 2017. Runs of zeros and runs of other pixels alternate;
each other pixel is stored as its difference from the one before. Numbers have variable length: each group of 4 bits
holds 3 bits of the number, the lowest first, and one bit that says whether more follow.
"""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

from refseg_ros.images.encodings import ImageError, check_size

Numbers = npt.NDArray[np.int64]
_SIZE = struct.Struct("<II")
"""Before the code: width and height."""
_LONGEST = 10
"""Most groups in a number."""


def decode_rvl(data: bytes) -> npt.NDArray[np.uint16]:
    """Unpack (H, W) uint16.

    Raises:
        ImageError: it is broken, or of a size that is not accepted.
    """
    if len(data) < _SIZE.size:
        raise ImageError("data", f"depth in RVL has {len(data)} bytes, less than its size takes")
    width, height = _SIZE.unpack_from(data)
    check_size(height, width)
    numbers = _numbers(data[_SIZE.size :])
    zeros, others = _runs(numbers, height * width)
    # The pixels of all runs at once, since scattered holes make tens of thousands of runs.
    is_difference = _is_second(np.full_like(zeros, 2), others)  # two numbers say how long the runs are
    differences = numbers[: len(is_difference)][is_difference]
    pixels = np.zeros(height * width, np.uint16)
    pixels[_is_second(zeros, others)] = np.cumsum((differences >> 1) ^ -(differences & 1)) & 0xFFFF
    return pixels.reshape(height, width)


def _runs(numbers: Numbers, count: int) -> Numbers:
    """Lengths of the runs of zeros and of the runs after them, (2, R), which fill `count` pixels.

    Raises:
        ImageError: they do not fill them.
    """
    values, runs = numbers.tolist(), []
    filled = place = 0
    while filled < count:
        if place + 2 > len(values):
            raise ImageError("data", f"depth in RVL ends at pixel {filled} of {count}")
        zeros, others = run = values[place : place + 2]
        filled, place = filled + zeros, place + 2
        if filled + others > count or place + others > len(values) or not any(run):
            raise ImageError("data", f"depth in RVL is broken at pixel {filled} of {count}")
        runs.append(run)
        filled, place = filled + others, place + others
    return np.array(runs, np.int64).T


def _is_second(first: Numbers, second: Numbers) -> npt.NDArray[np.bool_]:
    """What belongs to the second of two kinds of runs that alternate, from their lengths (R,)."""
    return np.repeat(np.tile([False, True], len(first)), np.stack([first, second], axis=1).ravel())


def _numbers(code: bytes) -> Numbers:
    """All numbers of a code of 32-bit words, the lowest byte first."""
    whole = np.frombuffer(code, "<u4", len(code) // 4)
    groups = (whole[:, None] >> np.arange(28, -1, -4, dtype=np.uint32) & 15).ravel().astype(np.int64)
    ends = np.flatnonzero(groups < 8)
    groups = groups[: ends[-1] + 1 if len(ends) else 0]
    begins = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    if (ends - begins >= _LONGEST).any():
        raise ImageError("data", "depth in RVL holds a number of more than 32 bits")
    within = np.arange(len(groups)) - np.repeat(begins, ends - begins + 1)
    parts: Numbers = (groups & 7) << (3 * within)
    return np.add.reduceat(parts, begins) if len(ends) else parts
