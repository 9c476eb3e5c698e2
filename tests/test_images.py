"""Image messages to NumPy and back: what was packed comes out again, what contradicts itself is refused."""

from __future__ import annotations

import array

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("sensor_msgs.msg", reason="ROS 2's messages are not installed")

from sensor_msgs.msg import Image
from std_msgs.msg import Header

from refseg_ros.images import ImageError, to_array, to_message, to_rgb

CHANNELS = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono8": 1, "mono16": 1, "16UC1": 1, "32FC1": 1}
TYPES = {"mono16": np.uint16, "16UC1": np.uint16, "32FC1": np.float32}
RED = np.array([250, 10, 20], np.uint8)

sides = st.integers(1, 40)


def pixels_of(encoding: str, height: int, width: int, seed: int = 0) -> np.ndarray:
    shape = (height, width) if CHANNELS[encoding] == 1 else (height, width, CHANNELS[encoding])
    values = np.random.default_rng(seed).integers(0, 255, shape)
    return values.astype(TYPES.get(encoding, np.uint8))


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


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "rgba8", "bgra8"])
def test_colour_order(encoding: str) -> None:
    channels = {"r": 250, "g": 10, "b": 20, "a": 77}
    pixels = np.tile(np.array([channels[c] for c in encoding[:-1]], np.uint8), (4, 6, 1))
    assert (to_rgb(to_message(pixels, encoding, Header())) == RED).all()


def test_grey_becomes_three_equal_channels() -> None:
    eight = np.arange(12, dtype=np.uint8).reshape(3, 4)
    sixteen = eight.astype(np.uint16) * 256 + 255
    for encoding, pixels in (("mono8", eight), ("mono16", sixteen)):
        np.testing.assert_array_equal(to_rgb(to_message(pixels, encoding, Header())), np.dstack([eight] * 3))


def test_yuv_and_bayer_keep_a_uniform_colour() -> None:
    grey = message_of("yuv422", 4, 6, 12, bytes([128, 100]) * 24)
    assert np.abs(to_rgb(grey).astype(int) - np.uint8((100 - 16) * 255 / 219)).max() <= 1
    rows = {"r": 250, "g": 10, "b": 20}
    for pattern in ("rggb", "bggr", "gbrg", "grbg"):
        cell = np.array([rows[c] for c in pattern], np.uint8).reshape(2, 2)
        message = message_of(f"bayer_{pattern}8", 8, 8, 8, np.tile(cell, (4, 4)).tobytes())
        assert (to_rgb(message)[2:6, 2:6] == RED).all(), pattern


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
        (dict(encoding="bayer_rggb8", height=1, data=b"\0" * 12), "size", "at least 2x2"),
    ],
)
def test_contradictions_are_refused_in_one_line(fault: dict, kind: str, words: str) -> None:
    fields = dict(encoding="rgb8", height=2, width=4, step=12, data=b"\0" * 24) | fault
    with pytest.raises(ImageError) as caught:
        to_rgb(message_of(**fields))
    assert caught.value.kind == kind
    assert words in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


@settings(max_examples=300)
@given(
    st.sampled_from([*CHANNELS, "yuv422", "yuyv", "bayer_grbg8", "", "8UC3", "nonsense"]),
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
        image = to_rgb(message_of(encoding, height, width, step, data, big_endian))
    except ImageError:
        return
    assert image.shape == (height, width, 3)
    assert image.dtype == np.uint8


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
