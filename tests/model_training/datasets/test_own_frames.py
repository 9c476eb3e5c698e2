"""Your own frames: a table of expressions beside images and masks."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from model_training.datasets.formats import open_folder
from tests.model_training.datasets import writers
from tests.model_training.datasets.writers import BOXES, HEIGHT, WIDTH, masks, only, picture, texts


def test_own_frames(tmp_path: Path) -> None:
    reader = only(writers.write_own_frames(tmp_path))
    assert texts(reader) == {
        "train/a.png": ["the mug, left", "the bar", "the long bar"],
        "test/b.jpg": ["the tall mug", "the spoon"],
    }
    np.testing.assert_array_equal(masks(reader, 0), [BOXES[0], BOXES[1], BOXES[1]])
    np.testing.assert_array_equal(masks(reader, 1), [BOXES[0], np.zeros_like(BOXES[0])])
    np.testing.assert_array_equal(reader.load(reader.records[0]).frames[0], picture(1))


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ("", "names no column image, expression, mask"),
        ("image,expression,mask\n", "has no rows yet"),
        ("image,expression,mask\na.png,mug\n", "line 2: not the 3 fields"),
        ("image,expression,mask\na.png,,0.png\n", "row 2: needs an image and an expression"),
        ("image,expression,mask\n../a.png,mug,0.png\n", r"row 2: '\.\./a\.png' does not lie in images/"),
        ("image,expression,mask\nc.png,mug,0.png\n", r"images/c\.png: expected, but not there"),
    ],
)
def test_a_wrong_table_is_explained(table: str, error: str, tmp_path: Path) -> None:
    folder = writers.write_own_frames(tmp_path)
    (folder / "expressions.csv").write_text(table)
    with pytest.raises((ValueError, OSError), match=error):
        open_folder(folder)


def test_a_turned_photograph_is_read_as_it_is_displayed(tmp_path: Path) -> None:
    from PIL import Image

    folder = writers.write_own_frames(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    Image.fromarray(picture(2, WIDTH, HEIGHT)).save(folder / "images" / "b.jpg", exif=exif)
    reader = only(folder)
    assert reader.load(reader.records[1]).frames.shape[1:3] == (HEIGHT, WIDTH)


def test_a_damaged_image_is_named(tmp_path: Path) -> None:
    folder = writers.write_own_frames(tmp_path)
    reader = only(folder)
    (folder / "images" / "a.png").write_bytes(cv2.imencode(".png", picture(1))[1].tobytes()[:40])
    with pytest.raises(ValueError, match=r"a\.png: PNG of 40 bytes is damaged"):
        reader.load(reader.records[0])


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_tables_of_spreadsheet_programs_are_read(tmp_path: Path, delimiter: str, encoding: str, end: str) -> None:
    folder = writers.write_own_frames(tmp_path)
    rows = [
        "image,expression,mask,split",
        "a.png,das Tässchen,0.png,Train",
        ",,,",
        "",
        " , , , ",
        "a.png,the bar,1.png,",
    ]
    table = end.join(row.replace(",", delimiter) for row in rows)
    (folder / "expressions.csv").write_bytes(table.encode(encoding))
    (record,) = only(folder).records
    assert [(of.text, of.id) for of in record.expressions] == [("das Tässchen", "row 2"), ("the bar", "row 6")]


def test_a_table_in_another_encoding_says_where_and_what_to_do(tmp_path: Path) -> None:
    folder = writers.write_own_frames(tmp_path)
    (folder / "expressions.csv").write_bytes("image,expression,mask\na.png,mug,\na.png,Tässchen,\n".encode("cp1252"))
    with pytest.raises(ValueError, match=r"expressions\.csv, line 3: not in UTF-8; save it in that encoding"):
        open_folder(folder)
    (folder / "expressions.csv").write_text("image,expression,mask\na.png,the mug, left,0.png\n")
    with pytest.raises(ValueError, match=r"line 2: not the 3 fields of the first line; .* in quotes"):
        open_folder(folder)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_a_picture_in_motion_the_first_is_read(tmp_path: Path, kind: str) -> None:
    folder = writers.write_own_frames(tmp_path)
    pictures = [Image.fromarray(picture(number)) for number in range(3)]
    more = dict(save_all=True, append_images=pictures[1:], duration=100, lossless=True)
    pictures[0].save(folder / "images" / "a.png", kind, **more)
    (frame,) = only(folder).records[0].frames.read([0])
    assert np.abs(frame.astype(int) - picture(0)).mean() < 20
