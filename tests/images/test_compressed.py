"""Compressed pictures become what they were, and anything else is refused before it costs anything."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refseg_ros.images.compressed import decode_colours, decode_depth
from refseg_ros.images.encodings import ImageError

PICTURE = np.random.default_rng(0).integers(0, 255, (24, 32, 3)).astype(np.uint8)
SMOOTH = cv2.resize(PICTURE[:3, :4], (32, 24), interpolation=cv2.INTER_LINEAR)
DEPTH = np.array([[0, 1, 700, 1500], [65535, 2, 3, 4]], np.uint16)
RAW, PACKED = "16UC1; png compressed", "16UC1; compressedDepth png"


def png(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".png", pixels if pixels.ndim == 2 else pixels[..., ::-1])[1].tobytes()


def jpeg(pixels: np.ndarray, *settings_: int) -> bytes:
    stored = pixels if pixels.ndim == 2 else pixels[..., ::-1]
    return cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, 98, *settings_])[1].tobytes()


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


@pytest.mark.parametrize("suffix", [".bmp", ".webp", ".tiff", ".ppm", ".pam", ".sr", ".gif", ".avif"])
def test_all_that_opencv_reads_is_read_and_its_half_is_not(suffix: str):
    settings_ = [cv2.IMWRITE_WEBP_QUALITY, 101] if suffix == ".webp" else []
    data = cv2.imencode(suffix, SMOOTH[..., ::-1], settings_)[1].tobytes()
    assert np.abs(decode_colours(data).astype(int) - SMOOTH).mean() < 20
    for share in (0.5, 0.7, 0.95):
        with pytest.raises(ImageError) as caught:
            decode_colours(data[: int(share * len(data))])
        assert caught.value.kind == "data"


def test_what_is_no_picture_says_what_is_read():
    with pytest.raises(ImageError, match="JPEG, PNG, TIFF") as caught:
        decode_colours(b"this is no picture")
    assert caught.value.kind == "encoding"


def test_numbers_with_a_fraction_are_no_colours():
    with pytest.raises(ImageError, match="holds no colours"):
        decode_colours(cv2.imencode(".tiff", SMOOTH.astype(np.float32))[1].tobytes())
    with pytest.raises(ImageError, match="holds no colours"):
        decode_colours(png(DEPTH), "16UC1; png compressed ")


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("suffix", [".png", ".tiff", ".jpg"])
def test_a_mosaic_that_was_compressed_is_demosaiced(pattern: str, bits: int, suffix: str):
    """compressed_image_transport leaves a mosaic as it is; a JPEG of one of 16 bits has 8, a PNG of 12 has 16."""
    red = {"r": 250, "g": 10, "b": 20}
    cell = np.array([red[letter] for letter in pattern]).reshape(2, 2)
    mosaic = np.tile(cell * (1 if suffix == ".jpg" else 2 ** (bits - 8)), (8, 8))
    stored = mosaic.astype(np.uint16 if mosaic.max() > 255 else np.uint8)
    data = cv2.imencode(suffix, stored, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    name = {".png": "png", ".tiff": "tiff", ".jpg": "jpeg"}[suffix]
    encoding = f"bayer_{pattern}{bits}"
    image = decode_colours(data, f"{encoding}; {name} compressed ")
    np.testing.assert_array_equal(decode_colours(data, f"{encoding}; {name} compressed {encoding}"), image)
    assert np.abs(image[4:12, 4:12].astype(int) - [250, 10, 20]).max() <= 4


@pytest.mark.parametrize(
    "image_format", ["bayer_bggr8; jpeg compressed bgr8", "rgb8; jpeg compressed bgr8", "jpeg", ""]
)
def test_what_was_made_colours_before_stays_so(image_format: str):
    np.testing.assert_array_equal(decode_colours(jpeg(SMOOTH), image_format), decode_colours(jpeg(SMOOTH)))


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "rgba8", "bgra8", "rgb16", "bgr16", "rgba16", "8UC3"])
def test_colours_in_tiff_come_back_in_their_order(encoding: str):
    """compressed_image_transport hands the message's own pixels to imencode, which takes them for BGR(A)."""
    cell = {"r": 250, "g": 10, "b": 20, "a": 255}
    pixel = [cell[letter] for letter in ("bgr" if encoding == "8UC3" else encoding.rstrip("0123456789"))]
    pixels = np.tile(np.array(pixel, np.uint16), (4, 6, 1)) * (257 if encoding.endswith("16") else 1)
    data = cv2.imencode(".tiff", pixels if encoding.endswith("16") else pixels.astype(np.uint8))[1].tobytes()
    assert (decode_colours(data, f"{encoding}; tiff compressed ") == [250, 10, 20]).all()


@pytest.mark.parametrize("pattern", ["rggb8", "gbrg16"])
def test_a_mosaic_that_was_made_grey_before_stays_grey(pattern: str):
    """compressed_image_transport does so for JPEG since Humble, and says so."""
    data = jpeg(SMOOTH[..., 0])
    image = decode_colours(data, f"bayer_{pattern}; jpeg compressed mono8")
    np.testing.assert_array_equal(image, decode_colours(data))


def test_sixteen_bits_are_as_bright_as_the_camera_has_bits():
    bright = png(np.full((4, 6), 4095, np.uint16))
    assert decode_colours(bright, "mono16; png compressed ").min() == 255
    assert decode_colours(bright, "mono16; png compressed ", white=65535).max() == 15
    colours = cv2.imencode(".png", np.uint16(SMOOTH[..., ::-1]) * 256)[1].tobytes()
    np.testing.assert_array_equal(decode_colours(colours, "rgb16; png compressed bgr16", white=65280), SMOOTH)


@pytest.mark.parametrize("progressive", [0, 1])
@pytest.mark.parametrize("restarts", [0, 2])
@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("share", [0.5, 0.7, 0.95])
def test_a_jpeg_is_whole_when_its_data_is(progressive: int, restarts: int, grey: bool, share: float):
    """Not when it ends as one does: recorders append the end, and files have thumbnails and tails."""
    picture = cv2.resize(PICTURE[..., 0] if grey else PICTURE, (320, 240), interpolation=cv2.INTER_CUBIC)
    settings_ = [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive, cv2.IMWRITE_JPEG_RST_INTERVAL, restarts]
    data = cv2.imencode(".jpg", picture, settings_)[1].tobytes()
    thumbnail = b"Exif\0\0" + jpeg(SMOOTH)
    with_thumbnail = data[:2] + b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + data[2:]
    assert decode_colours(with_thumbnail + b"tail \xff\xd9 of another program").shape == (240, 320, 3)
    cut = int(share * len(with_thumbnail))
    for tail in (b"", b"\xff\xd9", b"\0" * 100, b"\r\n", b"\xff"):
        with pytest.raises(ImageError, match="damaged or cut short") as caught:
            decode_colours(with_thumbnail[:cut] + tail)
        assert caught.value.kind == "data"


@pytest.mark.parametrize("progressive", [0, 1])
def test_a_picture_that_is_grey_at_its_end_is_whole(progressive: int):
    """Of the very grey that stands for lacking data."""
    grey = np.full((48, 64, 3), 128, np.uint8)
    assert (decode_colours(jpeg(grey, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive)) == 128).all()


@pytest.mark.parametrize("progressive", [0, 1])
@pytest.mark.parametrize("restarts", [0, 2])
def test_a_jpeg_may_lack_its_end_or_have_padding_before_it(progressive: int, restarts: int):
    """Webcams leave it out; its data goes on to the last pixel all the same."""
    settings_ = [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive, cv2.IMWRITE_JPEG_RST_INTERVAL, restarts]
    data = jpeg(cv2.resize(PICTURE, (320, 240)), *settings_)
    for open_end in (data[:-2], data[:-1], data[:-2] + b"\xff\xff", data[:-2] + b"\xff\xff\xff\xd9"):
        np.testing.assert_array_equal(decode_colours(open_end), decode_colours(data))
    for lacking in (1, 5, 40):
        with pytest.raises(ImageError, match="damaged or cut short"):
            decode_colours(data[: -2 - 8 * lacking])
    with pytest.raises(ImageError, match="damaged or cut short"):
        decode_colours(data[: len(data) // 2] + bytes(len(data) // 2))


def test_depth_of_millimetres():
    expected = [[np.nan, 0.001, 0.7, 1.5], [np.nan, 0.002, 0.003, 0.004]]
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


def rvl(pixels: np.ndarray) -> bytes:
    """As compressed_depth_image_transport's rvl_codec.cpp writes it, number by number."""
    groups: list[int] = []

    def number(value: int) -> None:
        while True:
            value, low = value >> 3, value & 7
            groups.append(low | (8 if value else 0))
            if not value:
                return

    values, place, previous = pixels.ravel().tolist(), 0, 0
    while place < len(values):
        run = 0
        while place + run < len(values) and not values[place + run]:
            run += 1
        number(run)
        place, run = place + run, 0
        while place + run < len(values) and values[place + run]:
            run += 1
        number(run)
        for value in values[place : place + run]:
            difference, previous = value - previous, value
            number(difference * 2 if difference >= 0 else -difference * 2 - 1)
        place += run
    groups += [0] * (-len(groups) % 8)
    words = [int("".join(f"{group:x}" for group in groups[at : at + 8]), 16) for at in range(0, len(groups), 8)]
    return struct.pack(f"<II{len(words)}I", *pixels.shape[::-1], *words)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_depth_in_rvl_comes_back_as_it_was(height: int, width: int, draw: st.DataObject):
    values = st.sampled_from([0, 0, 1, 700, 701, 65535]) | st.integers(0, 65535)
    pixels = np.array(draw.draw(st.lists(values, min_size=height * width, max_size=height * width)), np.uint16)
    pixels = pixels.reshape(height, width)
    depth = decode_depth(bytes(12) + rvl(pixels), "16UC1; compressedDepth rvl")
    known = np.where(pixels == 65535, 0, pixels)
    np.testing.assert_array_equal(np.nan_to_num(depth * 1000).round().astype(np.uint16), known)


def test_depth_in_rvl_that_was_packed_as_its_inverse():
    stored = np.array([[0, 3000, 9000]], np.uint16)
    header = struct.pack("<iff", 0, 10100.0, -1009.0)
    by_png = decode_depth(header + png(stored), "32FC1; compressedDepth png")
    np.testing.assert_array_equal(decode_depth(header + rvl(stored), "32FC1; compressedDepth rvl"), by_png)


@pytest.mark.parametrize(
    "data",
    [
        b"", bytes(7), *(struct.pack("<II", 2, 2) + rest for rest in (b"", bytes(4), b"\xff" * 64)),
        rvl(np.full((9, 9), 700, np.uint16))[:-8], struct.pack("<II", 2**31, 2), struct.pack("<II", 0, 2),
    ],
)  # fmt: skip
def test_broken_rvl_is_refused(data: bytes):
    with pytest.raises(ImageError) as caught:
        decode_depth(bytes(12) + data, "16UC1; compressedDepth rvl")
    assert caught.value.kind in ("data", "size")


def test_depth_in_tiff():
    metres = np.array([[np.nan, 0.5, 8.0]], np.float32)
    data = cv2.imencode(".tiff", metres)[1].tobytes()
    np.testing.assert_array_equal(decode_depth(data, "32FC1; tiff compressed "), metres)
    np.testing.assert_array_equal(
        decode_depth(cv2.imencode(".tiff", DEPTH)[1].tobytes(), "16UC1; tiff compressed "),
        decode_depth(png(DEPTH), RAW),
    )


@pytest.mark.parametrize("image_format", [PACKED, "16UC1; compressedDepth", "16UC1; png compressed", "png", ""])
def test_depth_without_header_or_encoding_is_of_millimetres(image_format: str):
    np.testing.assert_array_equal(decode_depth(png(DEPTH), image_format), decode_depth(png(DEPTH), RAW))
    for data in (png(PICTURE), jpeg(SMOOTH)):
        with pytest.raises(ImageError):
            decode_depth(data, image_format)


def test_what_is_no_picture_is_named_by_its_format():
    with pytest.raises(ImageError, match=r"505 bytes are no picture .* \(of format 'h264'\)"):
        decode_colours(bytes(505), "h264")


@pytest.mark.parametrize(
    ("data", "image_format", "kind"),
    [
        (bytes(12) + png(DEPTH), "16UC1; compressedDepth rvl", "size"),
        (png(DEPTH), "32FC1; png compressed", "data"),
        (bytes(12) + png(DEPTH), "16UC1; compressedDepth zstd", "encoding"),
        (jpeg(SMOOTH), "16UC1; jpeg compressed", "encoding"),
        (png(DEPTH), "\0\u202e", "encoding"),
        (png(PICTURE), RAW, "data"),
        (png(PICTURE[..., 0]), RAW, "data"),
        (bytes(5), PACKED, "data"),
        (bytes(12), PACKED, "encoding"),
        (bytes(12) + png(DEPTH)[5:], PACKED, "encoding"),
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
