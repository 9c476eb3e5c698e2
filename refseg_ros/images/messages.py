"""Converts between image messages and NumPy arrays, and checks every field of the message.

A message becomes an array, or an `ImageError` says in one line what is wrong with it. cv_bridge is not needed: its
Python half checks neither step nor length. If it is installed, it reads the encodings that are not known here.
Reading needs no ROS: any object with the message's fields will do, such as those of rosbags.
"""

from __future__ import annotations

import array
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from refseg_ros.images.compressed import decode_colours, decode_depth
from refseg_ros.images.encodings import (
    LAYOUTS,
    ImageError,
    check_colour,
    check_size,
    colours_of,
    layout_of,
    metres_of,
    view_pixels,
)
from refseg_ros.text import quoted

if TYPE_CHECKING:
    from sensor_msgs.msg import CompressedImage, Image
    from std_msgs.msg import Header

__all__ = ["ImageError", "to_array", "to_depth", "to_message", "to_rgb"]


def to_array(message: Image) -> np.ndarray:
    """View the pixels of a message without copying them.

    Returns:
        (H, W) for one channel, else (H, W, channels); uint8, uint16, int16 or float32 in the byte order of the message;
        read-only; rows may be padded, so the array need not be contiguous. It lives as long as the message's data does.
        nv12, nv21 and nv24 have the colours in rows below the grey values: (H * 3 / 2, W) in all, nv24 (H * 3, W).

    Raises:
        ImageError: size, encoding, step or length of the data contradict each other or are not supported.
    """
    return view_pixels(
        memoryview(message.data),
        message.encoding,
        int(message.height),
        int(message.width),
        int(message.step),
        bool(message.is_bigendian),
    )


def to_rgb(message: Image | CompressedImage, white: int | None = None) -> npt.NDArray[np.uint8]:
    """Read a message as colours.

    Args:
        message: raw or compressed.
        white: value of a 16-bit pixel that becomes 255, see `encodings.eight_bits`.

    Returns:
        (H, W, 3) uint8 RGB. For rgb8 a read-only view of the message, otherwise a copy.

    Raises:
        ImageError: as `to_array`; also if the encoding holds no colours, or compressed data is broken.
    """
    if _is_compressed(message):
        return decode_colours(bytes(message.data), message.format, white)
    check_colour(message.encoding)
    if message.encoding not in LAYOUTS and (bridge := _cv_bridge()) is not None:
        return _bridged(message, bridge)
    return colours_of(to_array(message), message.encoding, white)


def to_depth(message: Image | CompressedImage) -> npt.NDArray[np.float32]:
    """Read a message as depth: (H, W) float32 metres along the optical axis, a copy, NaN where it is unknown (REP-118).

    Raises:
        ImageError: as `to_array`; also if the encoding is not one of depth, or compressed data is broken.
    """
    if _is_compressed(message):
        return decode_depth(bytes(message.data), message.format)
    return metres_of(to_array(message), message.encoding)


def to_message(pixels: np.ndarray, encoding: str, header: Header) -> Image:
    """Pack pixels into a message with a given header.

    Args:
        pixels: (H, W) or (H, W, channels) with the dtype of `encoding`.
        encoding: one of those that `to_array` reads, except nv12, nv21 and nv24.
        header: the header of the image that `pixels` came from.

    Raises:
        ImageError: shape or dtype do not fit the encoding.
    """
    from sensor_msgs.msg import Image  # here, because reading needs no ROS

    layout = layout_of(encoding)
    channels = () if layout.channels == 1 else (layout.channels,)
    fits = pixels.dtype == layout.dtype and pixels.ndim == 2 + len(channels) and pixels.shape[2:] == channels
    if not fits or layout.tint_rows:
        raise ImageError("size", f"pixels of shape {pixels.shape} and type {pixels.dtype} make no image of {encoding}")
    height, width = pixels.shape[:2]
    message = Image(header=header, height=height, width=width, encoding=encoding, is_bigendian=0)
    message.step = width * layout.channels * pixels.dtype.itemsize
    # Through bytes, in one copy: directly, array.array copies element by element (203 ms at 640x480).
    message.data = array.array("B", pixels.tobytes())
    return message


def _is_compressed(message: Image | CompressedImage) -> bool:
    """Whether it is a CompressedImage, by the field that Image lacks."""
    return hasattr(message, "format")


@cache
def _cv_bridge() -> Any:
    """The bridge, or None where it is not installed or cannot be loaded."""
    try:
        from cv_bridge import CvBridge
    except (ImportError, AttributeError):  # the latter if it was built for another NumPy
        return None
    return CvBridge()


def _bridged(message: Image, bridge: Any) -> npt.NDArray[np.uint8]:
    """Read a message with cv_bridge, and check what can be checked without knowing the encoding."""
    height, width, step = int(message.height), int(message.width), int(message.step)
    check_size(height, width)
    if step < width:
        raise ImageError("step", f"image step of {step} bytes is less than the {width} pixels of a row")
    if len(message.data) < step * height:
        raise ImageError("length", f"image data has {len(message.data)} bytes; step times height is {step * height}")
    try:
        pixels = np.asarray(bridge.imgmsg_to_cv2(message, "rgb8"))
    except Exception as error:  # of many kinds, for a message that contradicts itself
        shown = quoted(message.encoding)
        raise ImageError("encoding", f"image encoding {shown} is not supported, nor by cv_bridge") from error
    if pixels.shape != (height, width, 3) or pixels.dtype != np.uint8:
        raise ImageError("encoding", f"cv_bridge made {pixels.shape} {pixels.dtype} of an image of {width}x{height}")
    return pixels
