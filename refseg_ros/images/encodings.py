"""How the pixels of an encoding of sensor_msgs/Image lie in memory, and how they become colours or metres. Without ROS.

Any field of an image from the network may be wrong. Here it either becomes an array of pixels that it really holds, or
an `ImageError` says in one line which field is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from refseg_ros.text import brief, quoted

MAXIMUM_PIXELS = 2**26
"""Most accepted pixels of one image, twice those of 8K."""
MILLIMETRE = np.float32(0.001)
# OpenCV's old names tell the pixels from the second row and column on. The names by the first ones came with 4.5.5;
# Ubuntu 22.04 has 4.5.4.
_BAYER = {
    "rggb": cv2.COLOR_BayerBG2RGB,
    "bggr": cv2.COLOR_BayerRG2RGB,
    "gbrg": cv2.COLOR_BayerGR2RGB,
    "grbg": cv2.COLOR_BayerGB2RGB,
}


SENSOR_BITS = (8, 10, 12, 14, 16)
"""How many bits of a 16-bit pixel a camera may fill."""


class ImageError(ValueError):
    """A message that is no usable image.

    Attributes:
        kind: which field is wrong: "size", "encoding", "step", "length", or "data" for compressed data that is broken.
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


@dataclass(frozen=True)
class Layout:
    """How the pixels of an encoding lie in memory, and the OpenCV conversion that makes them RGB."""

    dtype: type[np.generic]
    channels: int
    to_rgb: int | None = None
    """OpenCV's conversion code; None for pixels that are RGB already, and for depth."""
    even: tuple[int, int] = (1, 1)
    """What width and height must be multiples of."""
    tint_rows: float = 0.0
    """Rows of colour data that follow, per row of the image; 0.5 if 2 x 2 pixels share a colour."""


LAYOUTS = {
    "rgb8": Layout(np.uint8, 3),
    "bgr8": Layout(np.uint8, 3, cv2.COLOR_BGR2RGB),
    "rgba8": Layout(np.uint8, 4, cv2.COLOR_RGBA2RGB),
    "bgra8": Layout(np.uint8, 4, cv2.COLOR_BGRA2RGB),
    "rgb16": Layout(np.uint16, 3),
    "bgr16": Layout(np.uint16, 3, cv2.COLOR_BGR2RGB),
    "rgba16": Layout(np.uint16, 4, cv2.COLOR_RGBA2RGB),
    "bgra16": Layout(np.uint16, 4, cv2.COLOR_BGRA2RGB),
    "mono8": Layout(np.uint8, 1, cv2.COLOR_GRAY2RGB),
    "mono16": Layout(np.uint16, 1, cv2.COLOR_GRAY2RGB),
    # Some drivers name the type of OpenCV's array; its colours are in OpenCV's order.
    "8UC1": Layout(np.uint8, 1, cv2.COLOR_GRAY2RGB),
    "8UC3": Layout(np.uint8, 3, cv2.COLOR_BGR2RGB),
    "8UC4": Layout(np.uint8, 4, cv2.COLOR_BGRA2RGB),
    "yuv422": Layout(np.uint8, 2, cv2.COLOR_YUV2RGB_UYVY, even=(2, 1)),
    "uyvy": Layout(np.uint8, 2, cv2.COLOR_YUV2RGB_UYVY, even=(2, 1)),
    "yuv422_yuy2": Layout(np.uint8, 2, cv2.COLOR_YUV2RGB_YUY2, even=(2, 1)),
    "yuyv": Layout(np.uint8, 2, cv2.COLOR_YUV2RGB_YUY2, even=(2, 1)),
    "nv12": Layout(np.uint8, 1, cv2.COLOR_YUV2RGB_NV12, even=(2, 2), tint_rows=0.5),
    "nv21": Layout(np.uint8, 1, cv2.COLOR_YUV2RGB_NV21, even=(2, 2), tint_rows=0.5),
    # Like nv12 with a colour for each pixel: two bytes, in rows twice as long.
    "nv24": Layout(np.uint8, 1, cv2.COLOR_YUV2RGB_NV12, tint_rows=2.0),
    **{f"bayer_{pattern}8": Layout(np.uint8, 1, code) for pattern, code in _BAYER.items()},
    **{f"bayer_{pattern}16": Layout(np.uint16, 1, code) for pattern, code in _BAYER.items()},
    "16UC1": Layout(np.uint16, 1),
    "16SC1": Layout(np.int16, 1),
    "32FC1": Layout(np.float32, 1),
}
COLOUR_ENCODINGS = tuple(name for name in LAYOUTS if name not in ("16UC1", "16SC1", "32FC1"))
DEPTH_ENCODINGS = ("16UC1", "mono16", "32FC1", "16SC1")


def layout_of(encoding: str) -> Layout:
    """The layout of an encoding; ImageError for one that is not known."""
    layout = LAYOUTS.get(encoding)
    if layout is None:
        shown = quoted(encoding)
        raise ImageError("encoding", f"image encoding {shown} is not supported; supported are {', '.join(LAYOUTS)}")
    return layout


def check_size(height: int, width: int) -> None:
    """Refuse (ImageError) an image without pixels, or with too many."""
    if height <= 0 or width <= 0:
        raise ImageError("size", f"image of {width}x{height} pixels has no pixels")
    if height * width > MAXIMUM_PIXELS:
        raise ImageError("size", f"image of {width}x{height} pixels has more than the {MAXIMUM_PIXELS} allowed")


def view_pixels(
    data: memoryview, encoding: str, height: int, width: int, step: int, big_endian: bool
) -> npt.NDArray[np.generic]:
    """View the pixels in the data of an image without copying them.

    Args:
        data: of the image, bytes.
        encoding: a name of LAYOUTS.
        height: rows.
        width: pixels in a row.
        step: bytes in a row; those beyond its pixels are padding.
        big_endian: whether the highest byte of a number comes first.

    Returns:
        As `refseg_ros.images.messages.to_array`.

    Raises:
        ImageError: size, encoding, step or length of the data contradict each other or are not supported.
    """
    layout = layout_of(encoding)
    check_size(height, width)
    if width % layout.even[0] or height % layout.even[1]:
        even = "an even width" if layout.even[1] == 1 else "an even width and height"
        raise ImageError("size", f"image encoding {encoding} needs {even}, not {width}x{height} pixels")
    dtype = np.dtype(layout.dtype).newbyteorder(">" if big_endian else "<")
    pixel = layout.channels * dtype.itemsize
    if step < width * pixel:
        needed = f"the {width * pixel} of {width} pixels of {encoding}"
        raise ImageError("step", f"image step of {step} bytes is less than {needed}")
    rows = round(height * (1.0 + layout.tint_rows))
    if len(data) != step * rows:
        more = f"{1.0 + layout.tint_rows:g} times " if layout.tint_rows else ""
        needed = f"step {step} times {more}height {height} makes {step * rows}"
        raise ImageError("length", f"image data has {len(data)} bytes; {needed}")
    shape: tuple[int, ...] = (rows, width)
    strides: tuple[int, ...] = (step, pixel)
    if layout.channels > 1:
        shape, strides = (*shape, layout.channels), (*strides, dtype.itemsize)
    pixels: npt.NDArray[np.generic] = np.ndarray(shape, dtype, buffer=data, strides=strides)
    pixels.flags.writeable = False
    return pixels


def check_colour(encoding: str) -> None:
    """Refuse (ImageError) an encoding that is known but holds no colours."""
    if encoding in LAYOUTS and encoding not in COLOUR_ENCODINGS:
        supported = ", ".join(COLOUR_ENCODINGS)
        raise ImageError("encoding", f"image encoding {encoding} holds no colours; supported are {supported}")


def white_of(text: str) -> int | None:
    """The setting `mono16_range`, "auto" or a number, as `eight_bits` takes it.

    Raises:
        ValueError: it is neither; the message says what is allowed.
    """
    if text == "auto":
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 65535):
        raise ValueError(f"mono16_range is {brief(text)}; it must be auto, or the value of white from 1 to 65535")
    return int(text)


def eight_bits(pixels: npt.NDArray[np.generic], white: int | None = None) -> npt.NDArray[np.uint8]:
    """Convert 16-bit pixels to uint8.

    Cameras of 10, 12 and 14 bits leave the upper bits empty, and nothing in an image says so.

    Args:
        pixels: uint16 of any shape.
        white: the value that becomes 255, such as 4095 for a 12-bit camera; larger values become 255, too. None: the
            smallest of SENSOR_BITS that holds the brightest pixel decides, and the upper 8 of these bits are kept.
    """
    stored = pixels.astype(np.uint16)
    if white is not None:
        return np.asarray(np.minimum(stored.astype(np.uint32) * 255 // white, 255), dtype=np.uint8)
    brightest = int(stored.max(initial=0))
    bits = next(bits for bits in SENSOR_BITS if brightest < 1 << bits)
    return (stored >> (bits - 8)).astype(np.uint8)


def colours_of(pixels: npt.NDArray[np.generic], encoding: str, white: int | None = None) -> npt.NDArray[np.uint8]:
    """Turn pixels as `view_pixels` gives them into (H, W, 3) uint8 RGB.

    For rgb8 it is the same array, otherwise a copy.

    Args:
        pixels: of the image.
        encoding: a name of LAYOUTS.
        white: for 16-bit pixels, see `eight_bits`.

    Raises:
        ImageError: the encoding holds no colours, or the image is too small for it.
    """
    check_colour(encoding)
    layout = layout_of(encoding)
    if encoding.startswith("bayer") and min(pixels.shape) < 3:  # OpenCV makes them black
        raise ImageError("size", f"image encoding {encoding} needs at least 3x3 pixels")
    if layout.dtype is np.uint16:
        pixels = eight_bits(pixels, white)
    if layout.to_rgb is None:
        return pixels.view(np.uint8)
    if encoding == "nv24":
        return _nv24(pixels)
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), layout.to_rgb), dtype=np.uint8)


def _nv24(pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """Convert nv24 as nv12 of twice the size, which has a colour for each pixel of this image.

    A row of colours has twice the bytes of a row of grey values, padding included, as in V4L2.
    """
    height, width = len(pixels) // 3, pixels.shape[1]
    greys = pixels[:height].repeat(2, axis=0).repeat(2, axis=1)
    steps = (2 * pixels.strides[0], pixels.strides[1])
    tints = np.lib.stride_tricks.as_strided(pixels[height:], (height, 2 * width), steps)
    large = cv2.cvtColor(np.concatenate([greys, tints]), cv2.COLOR_YUV2RGB_NV12)
    return np.ascontiguousarray(large[::2, ::2], dtype=np.uint8)


def metres_of(pixels: npt.NDArray[np.generic], encoding: str) -> npt.NDArray[np.float32]:
    """Turn pixels of a depth image into (H, W) float32 metres, NaN where depth is unknown.

    Integers are millimetres, floats are metres; values that are not finite or not above 0 are unknown (REP-118). Some
    drivers write the largest number of the type, 65535 or 32767 mm or 3.4e38 m, for unknown depth; it is NaN, too.

    Raises:
        ImageError: the encoding is not one of depth.
    """
    if encoding not in DEPTH_ENCODINGS:
        layout_of(encoding)
        supported = ", ".join(DEPTH_ENCODINGS)
        raise ImageError("encoding", f"image encoding {encoding} holds no depth; supported are {supported}")
    largest = np.finfo(np.float32).max if encoding == "32FC1" else np.iinfo(pixels.dtype.name).max
    is_filled = pixels == largest
    metres = pixels.astype(np.float32)
    if encoding != "32FC1":
        metres *= MILLIMETRE
    with np.errstate(invalid="ignore"):
        metres[is_filled | ~((metres > 0.0) & (metres < np.inf))] = np.nan
    return metres
