"""Masks as COCO's compressed run lengths, as `pycocotools.mask` writes and reads them.

The mask is read column by column as runs of 0 and 1, the first of 0. From the fourth run on, a run is stored as its
difference from the run two before. Each number is written in digits of 5 bits, the lowest first: bit 5 of a character
says that another follows, bit 4 of the last one is the sign, and 48 is added, which makes it printable.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def encode(mask: np.ndarray) -> str:
    """The `counts` of a mask, (H, W) of any type; what is not 0 belongs to it."""
    flat = mask.T.ravel() != 0
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff(edges, prepend=0, append=flat.size)
    if flat.size and flat[0]:
        runs = np.concatenate([[0], runs])
    differences = runs.copy()
    differences[3:] -= runs[1:-2]
    return "".join(map(_digits, differences.tolist()))


def decode(counts: str, height: int, width: int) -> npt.NDArray[np.uint8]:
    """The mask, (height, width) uint8 0 or 255, of what `encode` made.

    Raises:
        ValueError: the runs are not those of a mask of this size.
    """
    refusal = f"these are not the runs of a mask of {width}x{height} pixels"
    try:
        runs = runs_of(counts.encode("ascii", "replace"))
    except ValueError as error:
        raise ValueError(f"{refusal}: {error}") from None
    if sum(runs) != height * width:
        raise ValueError(refusal)
    values = np.arange(len(runs)) % 2 * 255
    return np.repeat(values.astype(np.uint8), runs).reshape(width, height).T


def runs_of(counts: bytes) -> list[int]:
    """The runs in COCO's compressed code.

    Raises:
        ValueError: it is no such code.
    """
    runs: list[int] = []
    value = shift = 0
    for character in counts:
        bits = character - 48
        if not 0 <= bits < 64 or shift > 60:
            raise ValueError("a compressed run-length code holds characters that it cannot have")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        if runs[-1] < 0:
            raise ValueError("a compressed run-length code has a negative run")
        value = shift = 0
    if shift:
        raise ValueError("a compressed run-length code ends within a number")
    return runs


def _digits(number: int) -> str:
    digits = ""
    while True:
        digit, number = number & 31, number >> 5
        is_last = number == (-1 if digit & 16 else 0)
        digits += chr(48 + digit + (0 if is_last else 32))
        if is_last:
            return digits
