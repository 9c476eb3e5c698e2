"""Unpacks the data of sensor_msgs/CompressedImage: pictures of compressed_image_transport, and depth of
compressed_depth_image_transport. Without ROS.

Its format names the encoding of the image before compression, then the compression: "bayer_rggb8; png compressed ",
"rgb8; jpeg compressed bgr8", "32FC1; compressedDepth rvl". Other publishers write "jpeg" alone.
"""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

from refseg_ros.images.encodings import LAYOUTS, ImageError, check_colour, colours_of, layout_of, metres_of
from refseg_ros.images.pictures import decode_picture, rgb_of
from refseg_ros.images.rvl import decode_rvl
from refseg_ros.text import quoted

_DEPTH_HEADER = struct.Struct("<iff")
"""Header of a depth image: its format, and the two numbers that inverse depth was packed with."""
_PNG = b"\x89PNG"


def decode_colours(data: bytes, image_format: str = "", white: int | None = None) -> npt.NDArray[np.uint8]:
    """Unpack a picture into (H, W, 3) uint8 RGB; its EXIF orientation is ignored, except that of a TIFF.

    compressed_image_transport ends its format with the encoding that it converted the image to: BGR, or "mono8" where
    it made a grey JPEG of a Bayer pattern. If there is none, the pixels are those of the image: a Bayer pattern is
    demosaiced here, and RGB, which its TIFF holds as if it were BGR, is put in order.

    Args:
        data: of the message.
        image_format: of the message.
        white: value of a 16-bit pixel that becomes 255, see `encodings.eight_bits`.

    Raises:
        ImageError: it is no picture, broken, of a size that is not accepted, or holds no colours.
    """
    encoding, _, way = (part.strip() for part in image_format.partition(";"))
    converted = way.partition("compressed")[2].strip()
    check_colour(encoding)
    try:
        picture = decode_picture(data)
    except ImageError as error:
        said = f" (of format {quoted(image_format)})" if error.kind == "encoding" and image_format else ""
        raise ImageError(error.kind, f"{error}{said}") from error
    if picture.ndim == 2 and encoding.startswith("bayer_") and (not converted or converted.startswith("bayer_")):
        wide = picture.dtype == np.uint16  # JPEG stores a 16-bit pattern in 8 bits, PNG a 12-bit pattern in 16
        pattern = encoding.rstrip("0123456789") + ("16" if wide else "8")
        layout_of(pattern)
        return colours_of(picture, pattern, white)
    if picture.ndim == 3 and encoding.startswith("rgb") and way == "tiff compressed":
        picture = picture[..., ::-1]
    return rgb_of(picture, white)


def decode_depth(data: bytes, image_format: str) -> npt.NDArray[np.float32]:
    """Unpack a depth image into (H, W) float32 metres, NaN where depth is unknown.

    Args:
        data: a 16-bit PNG or RVL code after the header of compressed_depth_image_transport, or a lossless picture, PNG
            or TIFF, of compressed_image_transport. Some drivers leave the header out.
        image_format: such as "16UC1; compressedDepth png", "32FC1; compressedDepth rvl", "16UC1; png compressed" or
            "32FC1; tiff compressed". Drivers that write only "png", "tiff" or nothing mean millimetres.

    Raises:
        ImageError: as `decode_colours`; also if the format is not supported, or the pixels do not fit its encoding.
    """
    encoding, _, way = (part.strip() for part in image_format.partition(";"))
    if encoding in ("png", "tiff", "") and not way:
        encoding, way = "16UC1", encoding or "png"
    packed = way.startswith("compressedDepth") and (encoding == "32FC1" or not data.startswith(_PNG))
    lossless = way in ("compressedDepth", "compressedDepth png", "compressedDepth rvl") or way.startswith(
        ("png", "tiff")
    )
    if encoding not in ("16UC1", "16SC1", "mono16", "32FC1") or not lossless:
        shown = quoted(image_format)
        raise ImageError(
            "encoding", f"compressed depth of format {shown} is not supported; supported are PNG, TIFF, RVL"
        )
    scale, shift = 0.0, 0.0
    if packed:
        if len(data) < _DEPTH_HEADER.size:
            raise ImageError("data", f"compressed depth has {len(data)} bytes, less than its header")
        _, scale, shift = _DEPTH_HEADER.unpack_from(data)
        data = data[_DEPTH_HEADER.size :]
    stored = decode_rvl(data) if way.endswith("rvl") else decode_picture(data)
    wanted = np.dtype(LAYOUTS["16UC1" if packed else encoding].dtype)
    if encoding == "16SC1" and stored.dtype == np.uint16:
        stored = stored.view(np.int16)  # of OpenCV's picture formats only TIFF has signed pixels
    elif stored.dtype != wanted or stored.ndim != 2:
        held = f"{stored.dtype}, shape {stored.shape}"
        raise ImageError("data", f"compressed depth holds pixels of {held}, not of {wanted} and one channel")
    if encoding != "32FC1" or not packed:
        return metres_of(stored, encoding)
    with np.errstate(all="ignore"):
        metres = np.float32(scale) / (stored.astype(np.float32) - np.float32(shift))
    return metres_of(np.where(stored > 0, metres, np.nan), "32FC1")
