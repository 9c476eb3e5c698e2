"""The data of sensor_msgs/CompressedImage: JPEG and PNG colours, and depth of compressed_depth_image_transport.

Size and completeness are read from the data before anything is unpacked, so that a few bytes cannot claim gigabytes and
half a picture is none. Without ROS.
"""

from __future__ import annotations

import struct
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from refseg_ros.image_encodings import ImageError, check_size, metres_of

_PNG_BEGIN = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB`\x82"
_JPEG_BEGIN, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_FRAME_HEADERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""JPEG markers behind which height and width stand."""
_DEPTH_HEADER = struct.Struct("<iff")
"""Before the PNG of a depth image: its format, and the two numbers that inverse depth was packed with."""


def decode_colours(data: bytes) -> npt.NDArray[np.uint8]:
    """Unpack a JPEG or PNG into (H, W, 3) uint8 RGB; a rotation that it asks for is not made.

    Raises:
        ImageError: it is neither, or broken, or of a size that is not accepted.
    """
    _check(data)
    picture = _decode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def decode_depth(data: bytes, image_format: str) -> npt.NDArray[np.float32]:
    """Unpack a depth image into (H, W) float32 metres, NaN where depth is unknown.

    Args:
        data: a PNG of 16 bits, after the header of compressed_depth_image_transport where `image_format` says so.
        image_format: such as "16UC1; compressedDepth png", "32FC1; compressedDepth png" or "16UC1; png compressed".

    Raises:
        ImageError: as `decode_colours`; also where the format is another, or the PNG has not 16 bits and one channel.
    """
    encoding, _, way = image_format.partition(";")
    encoding, packed = encoding.strip(), "compressedDepth" in way
    if encoding not in ("16UC1", "mono16", "32FC1") or way.strip() == "compressedDepth rvl" or not _names_png(way):
        shown = ascii(image_format[:60])
        raise ImageError("encoding", f"compressed depth of format {shown} is not supported; supported is PNG")
    if encoding == "32FC1" and not packed:
        raise ImageError(
            "encoding", "compressed depth of 32FC1 is supported from compressed_depth_image_transport only"
        )
    scale, shift = 0.0, 0.0
    if packed:
        if len(data) < _DEPTH_HEADER.size:
            raise ImageError("data", f"compressed depth has {len(data)} bytes, less than its header")
        _, scale, shift = _DEPTH_HEADER.unpack_from(data)
        data = data[_DEPTH_HEADER.size :]
    _check(data)
    stored = _decode(data, cv2.IMREAD_UNCHANGED)
    if stored.dtype != np.uint16 or stored.ndim != 2:
        raise ImageError("data", f"compressed depth holds pixels of {stored.dtype}, shape {stored.shape}, not of 16UC1")
    if encoding != "32FC1":
        return metres_of(stored, "16UC1")
    with np.errstate(all="ignore"):
        metres = np.float32(scale) / (stored.astype(np.float32) - np.float32(shift))
    return metres_of(np.where(stored > 0, metres, np.nan), "32FC1")


def _names_png(way: str) -> bool:
    return "png" in way or way.strip() == "compressedDepth"


def _check(data: bytes) -> None:
    """Refuse what is no whole PNG or JPEG of an accepted size."""
    if data.startswith(_PNG_BEGIN):
        kind, end = "PNG", _PNG_END
        size = struct.unpack_from(">II", data, 16)[::-1] if len(data) >= 24 else None
    elif data.startswith(_JPEG_BEGIN):
        kind, end = "JPEG", _JPEG_END
        size = _jpeg_size(data)
    else:
        raise ImageError("encoding", f"compressed image of {len(data)} bytes is neither JPEG nor PNG")
    if size is None or not data.rstrip(b"\0").endswith(end):
        raise ImageError("data", f"compressed image of {len(data)} bytes is no whole {kind}")
    check_size(*size)


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """(height, width) of a JPEG, or None where it does not say."""
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker in _FRAME_HEADERS:
            height, width = struct.unpack_from(">HH", data, place + 5)
            return height, width
        if marker == 0xFF:  # padding
            place += 1
            continue
        place += 2 + max(2, struct.unpack_from(">H", data, place + 2)[0])
    return None


def _decode(data: bytes, flags: int) -> npt.NDArray[Any]:
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise ImageError("data", f"compressed image of {len(data)} bytes is broken: {error.err}") from error
    if picture is None:
        raise ImageError("data", f"compressed image of {len(data)} bytes is broken")
    return picture
