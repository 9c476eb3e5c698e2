"""Checks whether a video file is complete, by the sizes that its container holds. Nothing is decoded."""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Callable
from pathlib import Path

_SEGMENT, _CLUSTER = b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75"


def is_whole(path: Path) -> bool:
    """Whether a video's container is complete; True for kinds other than MP4, QuickTime, AVI, Matroska and WebM.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for begins, after in _KINDS.items():
            if re.match(begins, data, re.DOTALL):
                return _is_walked(data, after)
    return True


def _is_walked(data: mmap.mmap, after: Callable[[mmap.mmap, int], int]) -> bool:
    place = 0
    try:
        while place < len(data):
            place = after(data, place)
    except (struct.error, IndexError, ValueError):
        return False
    return place == len(data)


def _after_box(data: mmap.mmap, place: int) -> int:
    """MP4 and QuickTime (ISO/IEC 14496-12): where the next top-level box begins."""
    (size,) = struct.unpack_from(">I", data, place)
    if size == 0:  # to the end of the file
        return len(data)
    if size == 1:
        (size,) = struct.unpack_from(">Q", data, place + 8)
    if size < 8:
        raise ValueError("no box")
    return place + int(size)


def _after_chunk(data: mmap.mmap, place: int) -> int:
    """AVI: where the next chunk begins; lists are entered, not skipped."""
    name, size = struct.unpack_from("<4sI", data, place)
    if not name.isascii() or not name.decode().isprintable():
        raise ValueError("no chunk")
    return place + 12 if name in (b"RIFF", b"LIST") else place + 8 + size + size % 2


def _after_element(data: mmap.mmap, place: int) -> int:
    """Matroska and WebM (RFC 8794): where the next element begins; segments and clusters are entered, not skipped."""
    begin = place + _length(data[place])
    end = begin + _length(data[begin])
    if data[place:begin] in (_SEGMENT, _CLUSTER):  # their size may be left open
        return end
    return end + (int.from_bytes(data[begin:end], "big") & ((1 << 7 * (end - begin)) - 1))


def _length(first: int) -> int:
    """How many bytes a number has, from its first byte."""
    if first == 0:
        raise ValueError("no number")
    return 9 - first.bit_length()


_KINDS: dict[bytes, Callable[[mmap.mmap, int], int]] = {
    rb"....(ftyp|moov|mdat|wide|free|skip)": _after_box,
    rb"RIFF....AVI ": _after_chunk,
    rb"\x1a\x45\xdf\xa3": _after_element,
}
