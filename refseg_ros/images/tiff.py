"""Reads what a TIFF file says about its first picture, in both byte orders, BigTIFF included."""

from __future__ import annotations

import struct

_FORMS = {1: "B", 3: "H", 4: "I", 16: "Q"}
"""Field types of whole numbers -> formats of `struct`."""
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PLANES = 256, 257, 258, 259, 284
_PIECES = ((273, 279), (324, 325))
"""Tags of the offsets and lengths of strips and of tiles."""
_IN_PLANES = 2
_UNREAD = {34712: "JPEG 2000", 34887: "LERC", 34925: "LZMA", 50000: "Zstandard", 50001: "WebP"}
"""Compressions that neither OpenCV's wheels nor Debian's OpenCV read."""

_READ = {_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PLANES, *(tag for pair in _PIECES for tag in pair)}
Tags = dict[int, tuple[int, ...]]
"""Tag -> its numbers, of the tags above."""


def tags_of(data: bytes) -> Tags:
    """The tags in the first directory.

    Raises:
        struct.error: the file ends before the directory does.
    """
    order = "<" if data.startswith(b"II") else ">"
    large = struct.unpack_from(order + "H", data, 2)[0] == 43
    (place,) = struct.unpack_from(order + ("Q" if large else "I"), data, 8 if large else 4)
    (count,) = struct.unpack_from(order + ("Q" if large else "H"), data, place)
    place += 8 if large else 2
    tags = {}
    for entry in range(place, place + (20 if large else 12) * min(count, 1000), 20 if large else 12):
        tag, kind, many = struct.unpack_from(order + ("HHQ" if large else "HHI"), data, entry)
        if tag in _READ and kind in _FORMS and many <= len(data):
            values = struct.Struct(f"{order}{many}{_FORMS[kind]}")
            inside = entry + (12 if large else 8)
            if values.size > (8 if large else 4):
                (inside,) = struct.unpack_from(order + ("Q" if large else "I"), data, inside)
            tags[tag] = values.unpack_from(data, inside)
    return tags


def size_of(data: bytes) -> tuple[int, int] | None:
    """Height and width; None where it does not say."""
    tags = tags_of(data)
    return (tags[_HEIGHT][0], tags[_WIDTH][0]) if tags.get(_HEIGHT) and tags.get(_WIDTH) else None


def is_cut(data: bytes) -> bool:
    """Whether the file ends before the pixels of the first picture do.

    Some programs write lengths that are far too large. Decoders accept them, so they are ignored here.

    Args:
        data: of a file in which `size_of` finds a size.
    """
    tags = tags_of(data)
    (height, *_), (width, *_) = tags[_HEIGHT], tags[_WIDTH]
    largest = 2 * height * width * sum(tags.get(_BITS, (1,))) // 8 + 1024
    pieces = [zip(tags.get(places, ()), tags.get(lengths, ()), strict=False) for places, lengths in _PIECES]
    return any(place + length * (length <= largest) > len(data) for piece in pieces for place, length in piece)


def unread(data: bytes) -> str:
    """Why OpenCV cannot read the file, though it is undamaged; empty if it can."""
    tags = tags_of(data)
    (compression, *_) = tags.get(_COMPRESSION, (1,))
    if compression in _UNREAD:
        return f"a TIFF in {_UNREAD[compression]} is not read; save it with LZW or Deflate"
    bits = tags.get(_BITS, (1,))
    if tags.get(_PLANES) == (_IN_PLANES,) and len(bits) > 1 and max(bits) > 8:
        return (
            "a TIFF of more than 8 bits with a plane for each colour is not read; save it with the colours side by side"
        )
    return ""
