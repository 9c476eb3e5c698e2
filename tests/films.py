"""Films as other programs write them, made of those that OpenCV writes."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

SEGMENT, CLUSTER, TIMESTAMP, BLOCK = 0x18538067, 0x1F43B675, 0xE7, 0xA3
TRACKS, TRACK, DEFAULT_DURATION = 0x1654AE6B, 0xAE, 0x23E383
"""Elements of Matroska, RFC 9559."""
VOID = 0xEC
_JITTER = np.random.default_rng(0).integers(-30, 30, 30)
BROWSERS_STAMPS = [100 * number + int(number and _JITTER[number]) for number in range(30)]
"""Milliseconds: 3 s at about 10 Hz, as a browser records them. Without a stored rate OpenCV calls this 1000 Hz."""


def write_film(path: Path, frames: Sequence[np.ndarray], rate: float, codec: str = "mp4v") -> Path:
    """A film of (H, W, 3) uint8 BGR frames."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), rate, frames[0].shape[1::-1])
    assert writer.isOpened(), f"OpenCV writes no {codec}"
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


def noise(count: int) -> list[np.ndarray]:
    """Frames that no codec makes small, so that their data fills the file."""
    return list(np.random.default_rng(0).integers(0, 255, (count, 96, 128, 3), np.uint8))


def damage(path: Path, begin: float, share: float = 0.1) -> Path:
    """Put zeros over a share of a file, from another share on."""
    data = bytearray(path.read_bytes())
    first, count = int(begin * len(data)), int(share * len(data))
    data[first : first + count] = bytes(count)
    path.write_bytes(data)
    return path


def cut(path: Path, share: float = 0.6) -> Path:
    """Keep only the first share of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    return path


def index_first(path: Path) -> Path:
    """Put the index of an MP4 before its pictures, as for the web: it can be read when it is cut."""
    data = path.read_bytes()
    pictures = data.index(b"mdat") - 4
    index = data.index(b"moov") - 4
    moved = bytearray(data[index:])
    table = moved.index(b"stco") + 8  # offsets of the pictures, which move on
    (count,) = struct.unpack_from(">I", moved, table)
    for place in range(table + 4, table + 4 + 4 * count, 4):
        struct.pack_into(">I", moved, place, struct.unpack_from(">I", moved, place)[0] + len(moved))
    path.write_bytes(data[:pictures] + moved + data[pictures:index])
    return path


def trim(path: Path) -> Path:
    """Have the edit list of an MP4 show its first half, as a phone trims a film without writing it again."""
    data = bytearray(path.read_bytes())
    duration = data.index(b"elst") + 12
    struct.pack_into(">I", data, duration, struct.unpack_from(">I", data, duration)[0] // 2)
    path.write_bytes(data)
    return path


def restamp(path: Path, milliseconds: Sequence[int]) -> Path:
    """Give the frames of a Matroska file other stamps, and take its rate out, as a browser's recorder leaves it out."""
    data = bytearray(path.read_bytes())
    given = iter(milliseconds)
    begun = 0
    for name, begin, place, end in _elements(data, 0, len(data)):
        if name == DEFAULT_DURATION:
            data[begin : begin + 2] = bytes([VOID, 0x80 | (end - begin - 2)])
        elif name == TIMESTAMP:
            begun = int.from_bytes(data[place:end], "big")
        elif name == BLOCK:
            data[place + 1 : place + 3] = (next(given) - begun).to_bytes(2, "big", signed=True)
    assert next(given, None) is None, "the film has fewer frames"
    path.write_bytes(data)
    return path


def _elements(data: bytearray, place: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """(name, begin, begin of the content, end) of all elements, those within others behind them."""
    while place < end:
        begin = place
        name, place = _number(data, place, keep_mark=True)
        size, place = _number(data, place)
        yield name, begin, place, place + size
        if name in (SEGMENT, CLUSTER, TRACKS, TRACK):
            yield from _elements(data, place, min(end, place + size))
        place += size


def _number(data: bytearray, place: int, keep_mark: bool = False) -> tuple[int, int]:
    length = 9 - data[place].bit_length()
    value = int.from_bytes(data[place : place + length], "big")
    return value if keep_mark else value & ((1 << 7 * length) - 1), place + length
