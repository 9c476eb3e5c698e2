"""Unpacks picture files in memory, and refuses damaged and unknown ones with the reason. Without ROS.

All pictures that come from outside, from files and from `sensor_msgs/CompressedImage`, are unpacked here.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from refseg_ros.images import tiff
from refseg_ros.images.encodings import ImageError, check_size, eight_bits
from refseg_ros.images.headers import (
    END,
    FRAME_HEADERS,
    KINDS,
    PROGRESSIVE,
    RESTART_INTERVAL,
    SCAN,
    Segment,
    header_of,
    jpeg_segments,
    unread_jpeg,
)

COLOURS = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH
"""Grey or three colours, of as many bits as are stored, turned by the EXIF orientation."""
STORED = COLOURS | cv2.IMREAD_IGNORE_ORIENTATION
"""The same, but not turned; OpenCV turns a TIFF all the same."""
_UNREAD = {"TIFF": tiff.unread, "JPEG": unread_jpeg}
"""Kind of a picture -> function that says why OpenCV cannot read an undamaged one."""
_LACKING = 128
"""Grey level that libjpeg fills in for missing data."""
_OTHER_DATA = b"\x55\x2a" * 2048
"""Entropy-coded data that continues no picture."""
_END_MARKER = bytes([0xFF, END])
_NOT_DATA = bytes(8)
"""Entropy-coded data never ends so; a file whose space was reserved in advance does."""
STDERR = 2
_silencing = threading.RLock()
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_COMPLAINT = re.compile(rb"Corrupt JPEG data|Premature end of JPEG|libpng (error|warning)")
"""How a line of libjpeg or libpng begins."""
_EXTRA = re.compile(rb"Corrupt JPEG data: (\d+) extraneous bytes")
_MOST_EXTRA = 16
"""Most extra bytes before the end marker that are harmless, such as webcams write, unless all are the same."""


def read_picture(path: Path, *, as_displayed: bool = False, white: int | None = None) -> npt.NDArray[np.uint8]:
    """Read a picture file as (H, W, 3) uint8 RGB.

    Args:
        path: of the file; of an animation, or of several pages, the first picture is read.
        as_displayed: turn it as its EXIF orientation says; a TIFF is always turned.
        white: as in `encodings.eight_bits`.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no picture, or not a whole one; the message names the file.
    """
    data = path.read_bytes()
    try:
        picture, complaints = _unpacked(data, COLOURS if as_displayed else STORED)
        if any(_tells_damage(complaint, data) for complaint in complaints):
            raise _damaged("JPEG", data)
        return rgb_of(picture, white)
    except ImageError as error:
        raise ValueError(f"{path}: {error}") from error


def decode_picture(data: bytes, flags: int = STORED) -> npt.NDArray[Any]:
    """Unpack a picture of any kind that OpenCV reads.

    Transparency is left out. In a TIFF of 8 bits OpenCV darkens the colours by it, if the file calls it unassociated.

    A JPEG is whole if its data reaches its last pixel. libjpeg fills missing data with grey and reports no error. So a
    picture that may be cut is unpacked again with other data appended: a whole picture stays the same. Damage in its
    middle shows only in libjpeg's warnings, which `read_picture` checks.

    Args:
        data: of the file.
        flags: of `cv2.imread`.

    Returns:
        (H, W) grey or (H, W, 3) BGR, in the dtype that is stored.

    Raises:
        ImageError: it is no picture, or broken, or cut short, or of a size that is not accepted.
    """
    return _unpacked(data, flags)[0]


def _unpacked(data: bytes, flags: int) -> tuple[npt.NDArray[Any], list[bytes]]:
    """As `decode_picture`, with the decoder's warnings."""
    header = header_of(data)
    if header is None:
        kinds = ", ".join(KINDS)
        raise ImageError("encoding", f"{len(data)} bytes are no picture of a kind that is read ({kinds})")
    if header.size is None:
        raise _damaged(header.kind, data)
    check_size(*header.size)
    if (unread := _UNREAD.get(header.kind)) and (reason := unread(data)):
        raise ImageError("encoding", reason)
    if header.kind == "TIFF" and tiff.is_cut(data):
        raise _damaged(header.kind, data)
    whole, segments = data, list(jpeg_segments(data)) if header.kind == "JPEG" else []
    is_open = bool(segments) and segments[-1].marker == SCAN and not data.endswith(_NOT_DATA)
    if is_open:  # webcams leave the end out
        whole = data.rstrip(b"\xff") + _END_MARKER
        segments = list(jpeg_segments(whole))
    if segments and segments[-1].marker != END:
        raise _damaged(header.kind, data)
    with _complaints() as complaints:
        picture = _decode(whole, flags)
    if picture is None or (segments and _is_lacking(whole, segments, flags, picture, is_open)):
        raise _damaged(header.kind, data)
    return picture, complaints


def rgb_of(picture: npt.NDArray[Any], white: int | None = None) -> npt.NDArray[np.uint8]:
    """Turn what `decode_picture` gives into (H, W, 3) uint8 RGB.

    Args:
        picture: grey or BGR.
        white: as in `encodings.eight_bits`.

    Raises:
        ImageError: its numbers are no colours.
    """
    if picture.dtype == np.uint16:
        picture = eight_bits(picture, white)
    if picture.dtype != np.uint8:
        raise ImageError("encoding", f"a picture of {picture.dtype} holds no colours; 8 and 16 bits do")
    code = cv2.COLOR_GRAY2RGB if picture.ndim == 2 else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(picture, code), dtype=np.uint8)


def _damaged(kind: str, data: bytes) -> ImageError:
    return ImageError("data", f"{kind} of {len(data)} bytes is damaged or cut short; fetch it again")


def _is_lacking(data: bytes, segments: list[Segment], flags: int, picture: npt.NDArray[Any], is_suspect: bool) -> bool:
    """Whether a JPEG's data ends before its last pixel, despite its end marker. If nothing else is suspect, it is
    unpacked again only if a corner is grey.
    """
    frame, end = next(segment for segment in segments if segment.marker in FRAME_HEADERS), segments[-1]
    refined, colours = frame.marker in PROGRESSIVE, data[frame.begin + 9]
    corners = picture[[0, 0, -1, -1], [0, -1, 0, -1]].reshape(4, -1)  # it may have been turned
    if not is_suspect and not refined and colours in (1, 3) and not (corners == _LACKING).all(axis=1).any():
        return False
    scan = [segment for segment in segments if segment.marker == SCAN][-1]
    restarts = len(_RESTART.findall(data, scan.begin, scan.end))
    has_restarts = any(segment.marker == RESTART_INTERVAL for segment in segments)
    coded = data[: scan.end].rstrip(b"\xff")  # which pads markers
    # libjpeg looks for the rest of a cut interval at once, for a missing interval only after a restart marker.
    tails = [b"", bytes([0xFF, 0xD0 + restarts % 8])] if has_restarts else [b""]
    with _complaints():
        others = [_decode(coded + tail + _OTHER_DATA + data[end.begin : end.end], flags) for tail in tails]
    return any(other is None or not np.array_equal(other, picture) for other in others)


def _tells_damage(complaint: bytes, data: bytes) -> bool:
    """Whether a line of libjpeg about a JPEG says that pixels are wrong."""
    extra = _EXTRA.match(complaint)
    if extra is None:
        return complaint.startswith(b"Corrupt JPEG data")
    *_, scan = (segment for segment in jpeg_segments(data) if segment.marker == SCAN)
    coded = data[scan.begin : scan.end]
    padding = len(coded) - len(coded.rstrip(coded[-1:]))
    return int(extra[1]) > max(_MOST_EXTRA, padding)


@contextmanager
def _complaints() -> Iterator[list[bytes]]:
    """Keep the warnings of libjpeg and libpng, which bypass Python, off stderr; afterwards the list has their lines.

    One thread at a time, so that the warnings are of its picture. Other threads' output comes after the block.
    """
    complaints: list[bytes] = []
    with _silencing, ExitStack() as stack:
        try:
            aside = stack.enter_context(tempfile.TemporaryFile())
            usual = os.dup(STDERR)
        except OSError:  # there is no folder to write to, or the process has closed its standard error
            yield complaints
            return
        os.dup2(aside.fileno(), STDERR)
        try:
            yield complaints
        finally:
            os.dup2(usual, STDERR)
            os.close(usual)
            aside.seek(0)
            lines = aside.readlines()
            complaints += filter(_COMPLAINT.match, lines)
            os.write(STDERR, b"".join(line for line in lines if not _COMPLAINT.match(line)))


def _decode(data: bytes, flags: int) -> npt.NDArray[Any] | None:
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None
