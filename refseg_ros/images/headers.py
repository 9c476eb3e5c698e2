"""Reads a picture file's kind and size, and where a JPEG's data ends, before anything is unpacked.

It knows every kind of colour picture that OpenCV reads. A few bytes can claim gigabytes, so the size is checked before
memory is taken.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from refseg_ros.images import tiff

Size = tuple[int, int]
"""Height and width, in pixels."""

FRAME_HEADERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""JPEG markers behind which height and width stand."""
PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
"""Those of progressive JPEGs, whose scans refine each other."""
_DECODED = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
"""Those of the JPEGs that libjpeg decodes; the others are lossless or hierarchical."""
SCAN, END, RESTART_INTERVAL = 0xDA, 0xD9, 0xDD
_NUMBER = rb"(?:\s|#[^\n]*\n)+(\d{1,9})"


class Header(NamedTuple):
    """What the first bytes of a picture say."""

    kind: str
    size: Size | None
    """None if the bytes end before the size, or the size makes no sense."""


def header_of(data: bytes) -> Header | None:
    """Kind and size of a picture in memory; None for an unknown kind."""
    for kind, (begins, size) in _KINDS.items():
        if re.match(begins, data, re.DOTALL):
            try:
                return Header(kind, size(data))
            except (struct.error, IndexError):
                return Header(kind, None)
    return None


class Segment(NamedTuple):
    """A marker of a JPEG with its data, for a scan also the entropy-coded data."""

    marker: int
    begin: int
    """Offset of the marker's first byte."""
    end: int
    """Offset of the first byte after the segment; beyond the data if the file was cut."""


def jpeg_segments(data: bytes) -> Iterator[Segment]:
    """The segments of a JPEG after its first two bytes, up to its END marker, or to where it is invalid or cut.

    A thumbnail within a segment is a part of that segment, and data after the end does not belong to the picture.
    """
    place = 2
    while place + 2 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # padding
            place += 1
            continue
        if marker == END:
            yield Segment(marker, place, place + 2)
            return
        if place + 4 > len(data):
            return
        end = place + 2 + max(2, struct.unpack_from(">H", data, place + 2)[0])
        if marker == SCAN:
            end = _end_of_scan(data, end)
        yield Segment(marker, place, end)
        place = end


def _end_of_scan(data: bytes, place: int) -> int:
    """Offset of the next marker that is neither a stuffed 0xFF nor a restart."""
    while True:
        place = data.find(b"\xff", place)
        if place < 0 or place + 1 >= len(data):
            return len(data)
        if data[place + 1] == 0xFF:
            place += 1
        elif data[place + 1] == 0 or 0xD0 <= data[place + 1] <= 0xD7:
            place += 2
        else:
            return place


def unread_jpeg(data: bytes) -> str:
    """Why OpenCV cannot read a JPEG, though it is undamaged; empty if it can.

    Args:
        data: of a file in which `header_of` finds a size.
    """
    frame = next(segment for segment in jpeg_segments(data) if segment.marker in FRAME_HEADERS)
    if (bits := data[frame.begin + 4]) != 8:
        return f"a JPEG of {bits} bits is not read; save it with 8 bits, or as PNG"
    if frame.marker not in _DECODED:
        return "a lossless or hierarchical JPEG is not read; save it as baseline JPEG, or as PNG"
    return ""


def _jpeg(data: bytes) -> Size | None:
    for segment in jpeg_segments(data):
        if segment.marker in FRAME_HEADERS:
            return _pair(">HH", data, segment.begin + 5)
    return None


def _pair(form: str, data: bytes, place: int) -> Size:
    first, second = struct.unpack_from(form, data, place)
    return first, second


def _width_first(form: str, place: int) -> Callable[[bytes], Size]:
    def size(data: bytes) -> Size:
        width, height = _pair(form, data, place)
        return height, width

    return size


def _bmp(data: bytes) -> Size:
    (header,) = struct.unpack_from("<I", data, 14)
    width, height = _pair("<HH" if header == 12 else "<ii", data, 18)
    return abs(height), width  # below zero: the first row comes first


def _webp(data: bytes) -> Size | None:
    form = data[12:16]
    if form == b"VP8 ":
        width, height = _pair("<HH", data, 26)
        return height & 0x3FFF, width & 0x3FFF
    if form == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    if form == b"VP8X" and len(data) >= 30:
        return int.from_bytes(data[27:30], "little") + 1, int.from_bytes(data[24:27], "little") + 1
    return None


def _jpeg_2000(data: bytes) -> Size | None:
    place = data.find(b"\xff\x4f\xff\x51")
    if place < 0:
        return None
    right, lower, left, upper = struct.unpack_from(">IIII", data, place + 8)
    return lower - upper, right - left


def _avif(data: bytes) -> Size | None:
    """Size of the largest image in the file; the others are its transparency and thumbnails."""
    sizes = [_pair(">II", data, found.end() + 4) for found in re.finditer(b"ispe", data[: 2**16])]
    width, height = max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))
    return (height, width) if sizes else None


def _written(pattern: bytes, height: int = 2, width: int = 1) -> Callable[[bytes], Size | None]:
    """A reader of a size in decimal digits, in these groups of the pattern."""

    def size(data: bytes) -> Size | None:
        found = re.search(pattern, data[:2000], re.DOTALL)
        return (int(found[height]), int(found[width])) if found else None

    return size


_KINDS: dict[str, tuple[bytes, Callable[[bytes], Size | None]]] = {
    "JPEG": (rb"\xff\xd8", _jpeg),
    "PNG": (rb"\x89PNG\r\n\x1a\n", _width_first(">II", 16)),
    "TIFF": (rb"II[*+]\0|MM\0[*+]", tiff.size_of),
    "WebP": (rb"RIFF....WEBP", _webp),
    "BMP": (rb"BM", _bmp),
    "GIF": (rb"GIF8[79]a", _width_first("<HH", 6)),
    "JPEG 2000": (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", _jpeg_2000),
    "AVIF": (rb"....ftypavi[fs]", _avif),
    "PNM": (rb"P[1-6]\s", _written(rb"^P[1-6]" + _NUMBER + _NUMBER)),
    "PAM": (rb"P7\s", _written(rb"WIDTH\s+(\d{1,9}).*HEIGHT\s+(\d{1,9})")),
    "Sun raster": (rb"\x59\xa6\x6a\x95", _width_first(">II", 4)),
}
"""Name -> pattern of the first bytes, and function that reads the size."""
KINDS = tuple(_KINDS)
"""Names of all kinds."""
