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
    pixels = np.zeros(height * width, np.int64)
    differences = (numbers >> 1) ^ -(numbers & 1)
    filled = place = 0
    last = 0
    while filled < len(pixels):
        if place + 2 > len(numbers):
            raise ImageError("data", f"depth in RVL ends at pixel {filled} of {len(pixels)}")
        filled += int(numbers[place])
        run, begin = int(numbers[place + 1]), place + 2
        place = begin + run
        if filled + run > len(pixels) or place > len(numbers):
            raise ImageError("data", f"depth in RVL is broken at pixel {filled} of {len(pixels)}")
        if run:
            pixels[filled : filled + run] = last + np.cumsum(differences[begin:place])
            filled += run
            last = int(pixels[filled - 1])
        elif not numbers[begin - 2]:
            raise ImageError("data", f"depth in RVL is broken at pixel {filled} of {len(pixels)}")
    return (pixels & 0xFFFF).astype(np.uint16).reshape(height, width)


def _numbers(code: bytes) -> npt.NDArray[np.int64]:
    """All numbers of a code of 32-bit words, the lowest byte first."""
    whole = np.frombuffer(code, "<u4", len(code) // 4)
    groups = (whole[:, None] >> np.arange(28, -1, -4, dtype=np.uint32) & 15).ravel().astype(np.int64)
    ends = np.flatnonzero(groups < 8)
    groups = groups[: ends[-1] + 1 if len(ends) else 0]
    begins = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    if (ends - begins >= _LONGEST).any():
        raise ImageError("data", "depth in RVL holds a number of more than 32 bits")
    within = np.arange(len(groups)) - np.repeat(begins, ends - begins + 1)
    parts: npt.NDArray[np.int64] = (groups & 7) << (3 * within)
    return np.add.reduceat(parts, begins) if len(ends) else parts
