"""Picture files that are damaged, or that OpenCV reads wrongly, are refused in one line."""

from __future__ import annotations

import shlex
import struct
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from refseg_ros.images.compressed import decode_colours
from refseg_ros.images.encodings import ImageError
from refseg_ros.images.pictures import read_picture
from refseg_ros.images.tiff import tags_of

PICTURE = np.random.default_rng(0).integers(0, 255, (24, 32, 3)).astype(np.uint8)
CODINGS = [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 4)]


def tiff(pixels: np.ndarray, *, planes: bool = False, compression: int = 1, large: bool = False, order: str = "<"):  # noqa: ANN201
    """A TIFF without compression, whatever it says of itself: its directory, then one strip, or one of each colour."""
    pixels = pixels.astype(pixels.dtype.newbyteorder(order))
    strips = [part.tobytes() for part in (pixels.transpose(2, 0, 1) if planes else [pixels])]
    lengths = [len(strip) for strip in strips]
    height, width, colours = pixels.shape
    tags = {256: [width], 257: [height], 258: [8 * pixels.itemsize] * colours, 259: [compression], 262: [2]}
    tags |= {273: lengths, 277: [colours], 278: [height], 279: lengths, 284: [2 if planes else 1]}
    word, count, begin = ("Q", "Q", 16) if large else ("I", "H", 8)
    inside = struct.calcsize(word)
    further_at = begin + struct.calcsize("<" + count) + len(tags) * (12 + inside - 4 + inside - 4) + inside
    pixels_at = further_at + sum(4 * len(numbers) for numbers in tags.values() if 4 * len(numbers) > inside)
    tags[273] = [pixels_at + sum(lengths[:index]) for index in range(len(lengths))]
    entries = further = b""
    for tag, numbers in tags.items():
        values = struct.pack(f"{order}{len(numbers)}I", *numbers)
        entries += struct.pack(f"{order}HH{word}", tag, 4, len(numbers))
        if len(values) <= inside:
            entries += values.ljust(inside, b"\0")
        else:
            entries += struct.pack(order + word, further_at + len(further))
            further += values
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if large else 42)
    head += struct.pack(order + "HHQ", 8, 0, begin) if large else struct.pack(order + "I", begin)
    return head + struct.pack(order + count, len(tags)) + entries + bytes(inside) + further + b"".join(strips)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("planes", [False, True])
def test_a_tiff_is_whole_when_all_of_its_strips_are(order: str, large: bool, planes: bool):
    data = tiff(PICTURE, planes=planes, large=large, order=order)
    np.testing.assert_array_equal(decode_colours(data), PICTURE)
    for lacking in (1, 100, 1500):
        with pytest.raises(ImageError, match="TIFF of .* is damaged or cut short"):
            decode_colours(data[:-lacking])


def test_what_programs_write_wrongly_into_a_tiff_does_not_matter():
    """A length that is far too large, planes of a single channel, and a tag of their own that leads nowhere."""
    data = tiff(PICTURE, order="<")
    length = data.index(struct.pack("<HHII", 279, 4, 1, PICTURE.size)) + 8
    np.testing.assert_array_equal(decode_colours(data[:length] + b"\xff\xff\xff\xff" + data[length + 4 :]), PICTURE)
    tag = data.index(struct.pack("<HHI", 277, 4, 1))
    own = struct.pack("<HHII", 65000, 4, 100, 2**31)
    assert decode_colours(data[:tag] + data[tag : tag + 12] + data[tag + 12 :]).shape == PICTURE.shape
    assert tags_of(data[:tag] + own + data[tag + 12 :])[259] == (1,)
    grey = np.uint16(PICTURE[..., :1]) * 256
    assert decode_colours(tiff(grey, planes=True)).shape == PICTURE.shape


def test_a_tiff_that_opencv_reads_wrongly_or_not_at_all_says_so():
    wide = np.uint16(PICTURE) * 256
    assert decode_colours(tiff(wide)).shape == PICTURE.shape
    with pytest.raises(ImageError, match="a plane for each colour is not read; save it with") as caught:
        decode_colours(tiff(wide, planes=True))
    assert caught.value.kind == "encoding"
    with pytest.raises(ImageError, match="a TIFF in Zstandard is not read; save it with LZW"):
        decode_colours(tiff(PICTURE, compression=50000))


@pytest.mark.parametrize(
    ("place", "byte", "words"),
    [(4, 12, "a JPEG of 12 bits is not read"), *((1, kind, "a lossless or hier") for kind in (0xC3, 0xC5, 0xCB, 0xCF))],
)
def test_a_jpeg_of_a_kind_that_is_not_decoded_says_so(place: int, byte: int, words: str):
    data = bytearray(cv2.imencode(".jpg", PICTURE)[1].tobytes())
    data[data.index(b"\xff\xc0") + place] = byte
    with pytest.raises(ImageError, match=f"{words}.*; save it") as caught:
        decode_colours(bytes(data))
    assert caught.value.kind == "encoding"


@pytest.mark.parametrize("coding", CODINGS)
def test_a_jpeg_whose_middle_was_overwritten_is_refused(tmp_path: Path, coding: tuple[int, ...], capfd):
    picture = cv2.resize(PICTURE, (640, 480))
    data = cv2.imencode(".jpg", picture, coding)[1].tobytes()
    half, quarter = len(data) // 2, len(data) // 4
    other = np.random.default_rng(0).bytes(quarter)
    (tmp_path / "over.jpg").write_bytes(data[:half] + other + data[half + quarter :])
    with pytest.raises(ValueError, match=r"over\.jpg: JPEG of \d+ bytes is damaged"):
        read_picture(tmp_path / "over.jpg")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("coding", CODINGS)
def test_some_bytes_between_a_jpeg_and_its_end_do_not_matter(tmp_path: Path, coding: tuple[int, ...], capfd):
    """Webcams leave such bytes there, and libjpeg warns of them."""
    data = cv2.imencode(".jpg", PICTURE, coding)[1].tobytes()
    (tmp_path / "webcam.jpg").write_bytes(data[:-2] + b"\0\0\0" + data[-2:])
    np.testing.assert_array_equal(read_picture(tmp_path / "webcam.jpg"), decode_colours(data))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("coding", CODINGS)
def test_padding_of_any_length_before_the_end_of_a_jpeg_does_not_matter(tmp_path: Path, coding: tuple[int, ...]):
    data = cv2.imencode(".jpg", PICTURE, coding)[1].tobytes()
    for padding in (bytes(17), bytes(4096), b"\xff" * 100):
        (tmp_path / "padded.jpg").write_bytes(data[:-2] + padding + data[-2:])
        np.testing.assert_array_equal(read_picture(tmp_path / "padded.jpg"), decode_colours(data))


def test_what_is_decoded_beside_it_is_not_the_fault_of_a_picture(tmp_path: Path):
    """A camera's pictures with warnings, in another thread."""
    data = cv2.imencode(".jpg", cv2.resize(PICTURE, (320, 240)))[1].tobytes()
    (tmp_path / "good.jpg").write_bytes(data)
    is_over = threading.Event()

    def beside() -> None:
        while not is_over.is_set():
            decode_colours(data[:-2] + bytes(64) + data[-2:])

    other = threading.Thread(target=beside)
    other.start()
    try:
        for _ in range(100):
            read_picture(tmp_path / "good.jpg")
    finally:
        is_over.set()
        other.join()


def test_pictures_are_read_where_the_standard_error_is_closed(tmp_path: Path):
    (tmp_path / "good.png").write_bytes(cv2.imencode(".png", PICTURE)[1].tobytes())
    code = "import sys, pathlib; from refseg_ros.images.pictures import read_picture; "
    code += "print(read_picture(pathlib.Path(sys.argv[1])).shape)"
    line = f"exec {shlex.join([sys.executable, '-c', code, str(tmp_path / 'good.png')])} 2>&-"
    done = subprocess.run(line, shell=True, stdout=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "(24, 32, 3)\n")


def test_pictures_are_read_where_no_folder_takes_a_temporary_file(tmp_path: Path):
    (tmp_path / "good.jpg").write_bytes(cv2.imencode(".jpg", PICTURE)[1].tobytes())
    code = "import sys, pathlib, tempfile; from refseg_ros.images.pictures import read_picture; "
    code += "tempfile.tempdir = '/nowhere'; print(read_picture(pathlib.Path(sys.argv[1])).shape)"
    line = [sys.executable, "-c", code, str(tmp_path / "good.jpg")]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "(24, 32, 3)\n", "")


def test_a_damaged_png_is_told_in_the_one_line_that_is_raised(tmp_path: Path, capfd):
    data = bytearray(cv2.imencode(".png", PICTURE)[1].tobytes())
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "bad.png").write_bytes(data)
    with pytest.raises(ValueError, match=r"bad\.png: PNG of"):
        read_picture(tmp_path / "bad.png")
    assert capfd.readouterr().err == ""
