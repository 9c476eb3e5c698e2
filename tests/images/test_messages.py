"""Image messages to NumPy and back: what was packed comes out again, what contradicts itself is refused."""

from __future__ import annotations

import array

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("sensor_msgs.msg", reason="ROS 2's messages are not installed")

from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from refseg_ros.images.encodings import DEPTH_ENCODINGS, LAYOUTS, white_of
from refseg_ros.images.messages import ImageError, to_array, to_depth, to_message, to_rgb

CHANNELS = {name: layout.channels for name, layout in LAYOUTS.items() if not layout.tint_rows and layout.even == (1, 1)}
TYPES = {name: layout.dtype for name, layout in LAYOUTS.items()}
RED = np.array([250, 10, 20], np.uint8)

sides = st.integers(1, 40)


def pixels_of(encoding: str, height: int, width: int, seed: int = 0) -> np.ndarray:
    shape = (height, width) if CHANNELS[encoding] == 1 else (height, width, CHANNELS[encoding])
    values = np.random.default_rng(seed).integers(0, 255, shape)
    return values.astype(TYPES[encoding])


def message_of(encoding: str, height: int, width: int, step: int, data: bytes, big_endian: int = 0) -> Image:
    message = Image(height=height, width=width, encoding=encoding, step=step, is_bigendian=big_endian)
    message.data = array.array("B", data)
    return message


@given(st.sampled_from(sorted(CHANNELS)), sides, sides, st.integers(0, 2**31))
def test_round_trip(encoding: str, height: int, width: int, seed: int) -> None:
    pixels = pixels_of(encoding, height, width, seed)
    header = Header(frame_id="optical")
    message = to_message(pixels, encoding, header)
    assert message.header is header
    np.testing.assert_array_equal(to_array(message), pixels)


@given(st.sampled_from(sorted(CHANNELS)), sides, sides, st.integers(0, 9), st.booleans())
def test_padded_rows_and_byte_order(encoding: str, height: int, width: int, padding: int, big_endian: bool) -> None:
    pixels = pixels_of(encoding, height, width)
    swapped = pixels.astype(pixels.dtype.newbyteorder(">" if big_endian else "<"))
    rows = [row.tobytes() + b"\xaa" * padding for row in swapped]
    message = message_of(encoding, height, width, len(rows[0]), b"".join(rows), int(big_endian))
    np.testing.assert_array_equal(to_array(message), pixels)


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "rgba8", "bgra8", "rgb16", "bgr16", "rgba16", "bgra16"])
@pytest.mark.parametrize("big_endian", [0, 1])
def test_colour_order(encoding: str, big_endian: int) -> None:
    channels = {"r": 250, "g": 10, "b": 20, "a": 77}
    names, depth = encoding.rstrip("0123456789"), TYPES[encoding]
    order = np.dtype(depth).newbyteorder(">" if big_endian else "<")
    cell = np.array([channels[c] for c in names], depth) * (257 if depth is np.uint16 else 1)
    data = np.tile(cell.astype(order), 24).tobytes()
    message = message_of(encoding, 4, 6, len(data) // 4, data, big_endian)
    assert (to_rgb(message) == RED).all()


def test_types_of_opencv_are_in_its_order() -> None:
    for encoding, cell in (("8UC3", (20, 10, 250)), ("8UC4", (20, 10, 250, 77))):
        pixels = np.tile(np.array(cell, np.uint8), (4, 6, 1))
        assert (to_rgb(to_message(pixels, encoding, Header())) == RED).all()
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    np.testing.assert_array_equal(to_rgb(to_message(grey, "8UC1", Header())), np.dstack([grey] * 3))


def test_grey_becomes_three_equal_channels() -> None:
    eight = np.arange(12, dtype=np.uint8).reshape(3, 4)
    sixteen = eight.astype(np.uint16) * 256 + 255
    for encoding, pixels in (("mono8", eight), ("mono16", sixteen)):
        rgb = to_rgb(to_message(pixels, encoding, Header()), white=65535)
        np.testing.assert_array_equal(rgb, np.dstack([eight] * 3))


@pytest.mark.parametrize("encoding", ["mono16", "bayer_rggb16", "bgr16", "rgba16"])
@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_sixteen_bits_are_as_bright_as_the_camera_has_bits(encoding: str, bits: int) -> None:
    """A camera of 12 bits, read as one of 16, is nearly black."""
    channels = CHANNELS[encoding]
    bright = np.full((4, 6, channels) if channels > 1 else (4, 6), 2**bits - 1, np.uint16)
    message = to_message(bright, encoding, Header())
    assert to_rgb(message).min() == 255
    assert to_rgb(message, white=2**bits - 1).min() == 255
    assert to_rgb(message, white=65535).max() == (2**bits - 1) * 255 // 65535


@given(st.integers(0, 65535), st.integers(1, 65535))
def test_white_is_the_value_that_becomes_255(value: int, white: int) -> None:
    grey = to_rgb(to_message(np.full((2, 2), value, np.uint16), "mono16", Header()), white=white)
    assert (grey == min(255, value * 255 // white)).all()


def test_the_setting_of_white_is_auto_or_a_number() -> None:
    assert white_of("auto") is None and white_of("4095") == 4095
    for wrong in ("", "0", "65536", "-1", "1.5", "automatic", "9" * 5000, "\N{ARABIC-INDIC DIGIT ONE}"):
        with pytest.raises(ValueError, match="must be auto, or the value of white"):
            white_of(wrong)


def test_yuv_and_bayer_keep_a_uniform_colour() -> None:
    grey = message_of("yuv422", 4, 6, 12, bytes([128, 100]) * 24)
    assert np.abs(to_rgb(grey).astype(int) - np.uint8((100 - 16) * 255 / 219)).max() <= 1
    rows = {"r": 250, "g": 10, "b": 20}
    for pattern in ("rggb", "bggr", "gbrg", "grbg"):
        cell = np.array([rows[c] for c in pattern], np.uint8).reshape(2, 2)
        message = message_of(f"bayer_{pattern}8", 8, 8, 8, np.tile(cell, (4, 4)).tobytes())
        assert (to_rgb(message)[2:6, 2:6] == RED).all(), pattern
        sixteen = np.tile((cell * np.uint16(256)).astype(">u2"), (4, 4)).tobytes()
        message = message_of(f"bayer_{pattern}16", 8, 8, 16, sixteen, big_endian=1)
        assert (to_rgb(message)[2:6, 2:6] == RED).all(), pattern


@pytest.mark.parametrize("encoding", [name for name in CHANNELS if name.startswith("bayer")])
def test_the_smallest_mosaics_that_are_read_keep_their_colour(encoding: str) -> None:
    for shape in ((3, 3), (3, 8), (8, 3)):
        assert (to_rgb(to_message(np.full(shape, 200, TYPES[encoding]), encoding, Header())) == 200).all()


@pytest.mark.parametrize("padding", [0, 2])
def test_nv24_has_a_colour_for_each_pixel(padding: int) -> None:
    """Red, green and blue by BT.601 beside each other, which nv12 would mix."""
    pad = b"\xaa" * padding
    data = (bytes([81, 145, 41]) + pad) * 2 + (bytes([90, 240, 54, 34, 240, 110]) + 2 * pad) * 2
    image = to_rgb(message_of("nv24", 2, 3, 3 + padding, data))
    assert np.abs(image.astype(int) - [[[255, 0, 0], [0, 255, 0], [0, 0, 255]]] * 2).max() <= 2


def test_depth_with_a_sign_is_unknown_below_zero() -> None:
    depth = to_depth(to_message(np.array([[-32768, -1, 0, 1500, 32766, 32767]], np.int16), "16SC1", Header()))
    np.testing.assert_allclose(depth, [[np.nan, np.nan, np.nan, 1.5, 32.766, np.nan]], rtol=1e-6)


@pytest.mark.parametrize(
    ("encoding", "cell"),
    [
        ("yuv422", (90, 81, 240, 81)),
        ("uyvy", (90, 81, 240, 81)),
        ("yuv422_yuy2", (81, 90, 81, 240)),
        ("yuyv", (81, 90, 81, 240)),
        ("nv12", (90, 240)),
        ("nv21", (240, 90)),
    ],
)
@pytest.mark.parametrize("padding", [0, 6])
def test_yuv_of_red_is_red(encoding: str, cell: tuple[int, ...], padding: int) -> None:
    """Y, U, V = 81, 90, 240 is pure red by BT.601; the encodings differ in the order of the bytes."""
    pad = b"\xaa" * padding
    if encoding.startswith("nv"):
        rows = [bytes([81] * 6) + pad] * 4 + [bytes(cell * 3) + pad] * 2
    else:
        rows = [bytes(cell * 3) + pad] * 4
    image = to_rgb(message_of(encoding, 4, 6, len(rows[0]), b"".join(rows)))
    assert image.shape == (4, 6, 3)
    assert np.abs(image.astype(int) - [255, 0, 0]).max() <= 2


def test_depth_is_metres_and_what_is_unknown_is_no_number() -> None:
    millimetres = np.array([[0, 1, 1500, 65534, 65535]], np.uint16)
    metres = np.array([[0.0, -1.0, 1.5, np.inf, -np.inf, np.nan, np.finfo(np.float32).max]], np.float32)
    for encoding in ("16UC1", "mono16"):
        for order in ("<", ">"):
            data = millimetres.astype(order + "u2").tobytes() + b"\xaa"
            depth = to_depth(message_of(encoding, 1, 5, 11, data, int(order == ">")))
            np.testing.assert_allclose(depth, [[np.nan, 0.001, 1.5, 65.534, np.nan]], rtol=1e-6)
            assert depth.dtype == np.float32 and depth.flags.writeable
    depth = to_depth(to_message(metres, "32FC1", Header()))
    np.testing.assert_array_equal(depth, [[np.nan, np.nan, 1.5, np.nan, np.nan, np.nan, np.nan]])


def test_colours_are_no_depth() -> None:
    with pytest.raises(ImageError, match="rgb8 holds no depth; supported are 16UC1, mono16, 32FC1") as caught:
        to_depth(to_message(pixels_of("rgb8", 2, 2), "rgb8", Header()))
    assert caught.value.kind == "encoding"


def test_compressed_messages_are_unpacked() -> None:
    pixels = pixels_of("rgb8", 6, 8)
    depth = np.array([[0, 1500]], np.uint16)
    message = CompressedImage(format="rgb8; png compressed bgr8")
    message.data = array.array("B", cv2.imencode(".png", pixels[..., ::-1])[1].tobytes())
    np.testing.assert_array_equal(to_rgb(message), pixels)
    message = CompressedImage(format="16UC1; compressedDepth png")
    message.data = array.array("B", bytes(12) + cv2.imencode(".png", depth)[1].tobytes())
    np.testing.assert_allclose(to_depth(message), [[np.nan, 1.5]])


@pytest.mark.parametrize("encoding", sorted(set(CHANNELS) - {"16UC1", "32FC1"}))
def test_cv_bridge_gives_the_same_pixels(encoding: str) -> None:
    bridge = pytest.importorskip("cv_bridge", reason="cv_bridge is not installed").CvBridge()
    message = to_message(pixels_of(encoding, 8, 10), encoding, Header())
    theirs = bridge.imgmsg_to_cv2(message, "passthrough" if encoding.startswith("8U") else "rgb8")
    if encoding.startswith("8U"):
        np.testing.assert_array_equal(to_array(message), theirs)
    else:  # of 16 bits it keeps the upper ones rounded
        assert np.abs(to_rgb(message).astype(int) - theirs).max() <= (1 if encoding.endswith("16") else 0)


def test_what_only_cv_bridge_knows_is_read_by_it() -> None:
    """nv24: grey values, then a plane of colours that is twice as wide."""
    pytest.importorskip("cv_bridge", reason="cv_bridge is not installed")
    with pytest.raises(ImageError):
        to_rgb(message_of("32SC3", 2, 2, 1, b"\0\0"))
    assert to_rgb(message_of("16SC1", 2, 2, 4, b"\0" * 8)).shape == (2, 2, 3)


def test_rgb_is_a_view_that_cannot_be_written() -> None:
    message = to_message(pixels_of("rgb8", 5, 7), "rgb8", Header())
    image = to_rgb(message)
    message.data[0] ^= 255
    assert image[0, 0, 0] == message.data[0]
    with pytest.raises(ValueError, match="read-only"):
        image[0, 0, 0] = 1


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (dict(encoding="rgb9"), "encoding", "'rgb9' is not supported"),
        (dict(encoding=""), "encoding", "'' is not supported"),
        (dict(encoding="x" * 100_000), "encoding", "is not supported"),
        (dict(encoding="rgb\n\0\u202e"), "encoding", "is not supported"),
        (dict(encoding="32FC1", width=1, step=4, data=b"\0" * 8), "encoding", "no colours"),
        (dict(height=0, data=b""), "size", "4x0 pixels has no pixels"),
        (dict(width=0), "size", "no pixels"),
        (dict(width=16000, height=16000), "size", "more than the"),
        (dict(width=2**32 - 1, height=2**32 - 1, step=2**32 - 1), "size", "more than the"),
        (dict(step=0), "step", "step of 0 bytes is less than the 12"),
        (dict(step=11), "step", "step of 11 bytes"),
        (dict(data=b"\0" * 23), "length", "23 bytes; step 12 times height 2 makes 24"),
        (dict(data=b"\0" * 25), "length", "25 bytes"),
        (dict(data=b""), "length", "0 bytes"),
        (dict(encoding="yuv422", width=5), "size", "even width"),
        (dict(encoding="bayer_rggb8"), "size", "at least 3x3"),
        (dict(encoding="nv12", height=3, data=b"\0" * 54), "size", "an even width and height, not 4x3"),
        (dict(encoding="nv12"), "length", "24 bytes; step 12 times 1.5 times height 2 makes 36"),
    ],
)
def test_contradictions_are_refused_in_one_line(fault: dict, kind: str, words: str) -> None:
    fields = dict(encoding="rgb8", height=2, width=4, step=12, data=b"\0" * 24) | fault
    with pytest.raises(ImageError) as caught:
        to_rgb(message_of(**fields))
    assert caught.value.kind == kind
    assert words in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 450


@settings(max_examples=300)
@given(
    st.sampled_from([*LAYOUTS, "", "8SC3", "nonsense"]) | st.text(max_size=12),
    st.integers(0, 12),
    st.integers(0, 12),
    st.integers(0, 60),
    st.integers(0, 255),
    st.binary(max_size=400),
)
def test_any_message_is_an_image_or_refused(
    encoding: str, height: int, width: int, step: int, big_endian: int, data: bytes
) -> None:
    try:
        message = message_of(encoding, height, width, step, data, big_endian)
    except AssertionError:  # of the message itself: no text that can be sent
        return
    try:
        image = to_rgb(message)
        assert image.shape == (height, width, 3)
        assert image.dtype == np.uint8
    except ImageError as error:
        assert str(error).isprintable()
    try:
        depth = to_depth(message)
        assert depth.shape == (height, width)
        assert not (depth <= 0.0).any() and not np.isinf(depth).any()
    except ImageError as error:
        assert str(error).isprintable()


@given(st.integers(1, 12), st.integers(1, 12), st.sampled_from(sorted(LAYOUTS)), st.integers(0, 5))
def test_what_fits_is_read(height: int, width: int, encoding: str, padding: int) -> None:
    """Data of exactly the length that an encoding asks for."""
    layout = LAYOUTS[encoding]
    height, width = height * layout.even[1], width * layout.even[0]
    step = width * layout.channels * np.dtype(layout.dtype).itemsize + padding
    message = message_of(encoding, height, width, step, bytes(round(step * height * (1 + layout.tint_rows))))
    if encoding.startswith("bayer") and min(height, width) < 3:
        return
    if encoding in DEPTH_ENCODINGS:
        assert to_depth(message).shape == (height, width)
    else:
        assert to_rgb(message).shape == (height, width, 3)


@pytest.mark.parametrize(
    ("encoding", "pixels"),
    [
        ("rgb8", np.zeros((2, 2), np.uint8)),
        ("rgb8", np.zeros((2, 2, 4), np.uint8)),
        ("mono8", np.zeros((2, 2), np.float32)),
        ("rgb8", np.zeros(4, np.uint8)),
        ("unheard of", np.zeros((2, 2), np.uint8)),
    ],
)
def test_pixels_that_do_not_fit_are_refused(encoding: str, pixels: np.ndarray) -> None:
    with pytest.raises(ImageError):
        to_message(pixels, encoding, Header())


def test_rows_that_are_not_contiguous_are_packed() -> None:
    pixels = pixels_of("mono8", 8, 10)[::2, ::-1]
    np.testing.assert_array_equal(to_array(to_message(pixels, "mono8", Header())), pixels)
