"""Compressed pictures become what they were, and anything else is refused before it costs anything."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refseg_ros.compressed_images import decode_colours, decode_depth
from refseg_ros.image_encodings import ImageError

PICTURE = np.random.default_rng(0).integers(0, 255, (24, 32, 3)).astype(np.uint8)
SMOOTH = cv2.resize(PICTURE[:3, :4], (32, 24), interpolation=cv2.INTER_LINEAR)
DEPTH = np.array([[0, 1, 700, 1500], [65535, 2, 3, 4]], np.uint16)
RAW, PACKED = "16UC1; png compressed", "16UC1; compressedDepth png"


def png(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".png", pixels if pixels.ndim == 2 else pixels[..., ::-1])[1].tobytes()


def jpeg(pixels: np.ndarray, *settings_: int) -> bytes:
    return cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 98, *settings_])[1].tobytes()


def test_png_comes_back_as_it_was():
    np.testing.assert_array_equal(decode_colours(png(PICTURE)), PICTURE)


@pytest.mark.parametrize("progressive", [0, 1])
def test_jpeg_comes_back_nearly_as_it_was(progressive: int):
    decoded = decode_colours(jpeg(SMOOTH, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive))
    assert np.abs(decoded.astype(int) - SMOOTH).mean() < 3


def test_bytes_of_padding_after_the_end_do_not_matter():
    np.testing.assert_array_equal(decode_colours(png(PICTURE) + bytes(7)), PICTURE)
    assert decode_colours(jpeg(SMOOTH) + bytes(7)).shape == SMOOTH.shape


def test_bytes_of_padding_before_a_marker_do_not_matter():
    data = jpeg(SMOOTH)
    np.testing.assert_array_equal(decode_colours(data[:2] + b"\xff\xff" + data[2:]), decode_colours(data))


@pytest.mark.parametrize("picture", [PICTURE[..., 0], np.uint16(PICTURE[..., 0]) * 256])
def test_grey_becomes_three_equal_channels(picture: np.ndarray):
    np.testing.assert_array_equal(decode_colours(png(picture)), np.dstack([PICTURE[..., 0]] * 3))


def test_a_rotation_that_a_camera_wrote_down_is_not_made():
    """The pixels must stay where the calibration has them."""
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    data = jpeg(SMOOTH)
    turned = data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    assert decode_colours(turned).shape == SMOOTH.shape


@pytest.mark.parametrize("whole", [png(PICTURE), jpeg(SMOOTH)], ids=["png", "jpeg"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_half_a_picture_is_none(whole: bytes, share: float):
    with pytest.raises(ImageError) as caught:
        decode_colours(whole[: int(share * len(whole))])
    assert caught.value.kind in ("data", "encoding")


def test_a_picture_whose_middle_was_lost_is_none():
    whole = png(PICTURE)
    with pytest.raises(ImageError) as caught:
        decode_colours(whole[:60] + whole[200:])
    assert caught.value.kind == "data"


def _bomb(width: int, height: int) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_a_few_bytes_that_claim_gigabytes_are_refused_unread():
    with pytest.raises(ImageError, match="more than the") as caught:
        decode_colours(_bomb(100_000, 100_000))
    assert caught.value.kind == "size"
    data = jpeg(SMOOTH)
    place = data.index(b"\xff\xc0") + 5
    with pytest.raises(ImageError, match="65535x65535"):
        decode_colours(data[:place] + b"\xff\xff\xff\xff" + data[place + 4 :])
    with pytest.raises(ImageError, match="no pixels"):
        decode_colours(_bomb(0, 5))


@pytest.mark.parametrize("suffix", [".bmp", ".webp", ".tiff"])
def test_other_formats_are_refused(suffix: str):
    with pytest.raises(ImageError, match="neither JPEG nor PNG") as caught:
        decode_colours(cv2.imencode(suffix, PICTURE)[1].tobytes())
    assert caught.value.kind == "encoding"


def test_depth_of_millimetres():
    expected = [[np.nan, 0.001, 0.7, 1.5], [65.535, 0.002, 0.003, 0.004]]
    np.testing.assert_allclose(decode_depth(png(DEPTH), RAW), expected, rtol=1e-6)
    for name in (PACKED, "16UC1; compressedDepth"):
        np.testing.assert_allclose(decode_depth(bytes(12) + png(DEPTH), name), expected, rtol=1e-6)


def test_depth_that_was_packed_as_its_inverse():
    """As compressed_depth_image_transport does it: stored = a / depth + b, 0 where depth is unknown."""
    metres = np.array([[np.nan, 0.5, 1.0, 8.0]], np.float32)
    quantization, farthest = 100.0, 10.0
    a = quantization * (quantization + 1.0)
    b = 1.0 - a / farthest
    stored = np.where(np.isnan(metres), 0.0, a / np.nan_to_num(metres, nan=1.0) + b).astype(np.uint16)
    data = struct.pack("<iff", 0, a, b) + png(stored)
    np.testing.assert_allclose(decode_depth(data, "32FC1; compressedDepth png"), metres, rtol=2e-3)


@pytest.mark.parametrize(
    ("data", "image_format", "kind"),
    [
        (bytes(12) + png(DEPTH), "16UC1; compressedDepth rvl", "encoding"),
        (png(DEPTH), "32FC1; png compressed", "encoding"),
        (jpeg(SMOOTH), "16UC1; jpeg compressed", "encoding"),
        (png(DEPTH), "\0\u202e", "encoding"),
        (png(PICTURE), RAW, "data"),
        (png(PICTURE[..., 0]), RAW, "data"),
        (bytes(5), PACKED, "data"),
        (bytes(12), PACKED, "encoding"),
        (png(DEPTH), PACKED, "encoding"),
        (png(DEPTH)[:-9], RAW, "data"),
    ],
)
def test_what_is_no_depth_is_refused_in_one_line(data: bytes, image_format: str, kind: str):
    with pytest.raises(ImageError) as caught:
        decode_depth(data, image_format)
    assert caught.value.kind == kind
    assert str(caught.value).isprintable()


whole_files = st.sampled_from([png(PICTURE), jpeg(SMOOTH), png(DEPTH)])


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=200)
    | st.tuples(whole_files, st.integers(0, 2000), st.binary(max_size=20)).map(
        lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + len(parts[2]) :]
    ),
    st.sampled_from([RAW, PACKED, "32FC1; compressedDepth png", "", ";;;"]) | st.text(max_size=20),
)
def test_any_bytes_are_a_picture_or_refused(data: bytes, image_format: str):
    try:
        image = decode_colours(data)
        assert image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8
    except ImageError as error:
        assert str(error).isprintable()
    try:
        depth = decode_depth(data, image_format)
        assert depth.ndim == 2 and depth.dtype == np.float32
    except ImageError as error:
        assert str(error).isprintable()
