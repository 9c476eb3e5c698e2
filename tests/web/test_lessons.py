"""Corrections on the disk: nothing is lost, and the reader of own frames reads them."""

from __future__ import annotations

import numpy as np
import pytest

from refseg_ros.media.files import write_png
from refseg_ros.web.lessons import Lessons, stroke

RGB = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
EMPTY = np.zeros((48, 64), np.uint8)


def square(value: int = 255) -> np.ndarray:
    mask = EMPTY.copy()
    mask[10:20, 30:50] = value
    return mask


def test_what_is_kept_is_what_training_reads(tmp_path):
    own_frames = pytest.importorskip("model_training.datasets.own_frames")
    lessons = Lessons(tmp_path / "mine")
    assert lessons.count == 0
    lessons.begin(RGB, '  the red\n mug, "mine" ', EMPTY)
    lessons.change(square())
    lessons.keep()
    lessons.begin(RGB[::-1], "the blue mug", square())
    lessons.change(EMPTY)
    lessons.keep()
    assert lessons.count == 2 and lessons.draft is None
    reader = own_frames.OwnFrames(lessons.folder)
    first, second = reader.of_split("train")
    assert [record.expressions[0].text for record in (first, second)] == ['the red mug, "mine"', "the blue mug"]
    assert (reader.masks(first)[0] == (square() > 0)).all()
    assert not reader.masks(second).any()
    assert (first.frames.read([0])[0] == RGB).all()
    assert len(list((lessons.folder / "masks").iterdir())) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    "table",
    [
        "image,expression,mask,split\na.png,das Tässchen,,val\n",
        "expression,image,mask,split\ndas Tässchen,a.png,,val",
        "image;expression;mask\r\na.png;das Tässchen;\r\n",
        "who\timage\tsplit\texpression\tmask\nme\ta.png\tval\tdas Tässchen\t\n\n",
        '"image", "mask", "expression"\r\n"a.png", "", "das\r\nTässchen"',
        "expression;image;mask\n",
        "",
    ],
)
def test_what_is_kept_fits_the_table_that_is_there(tmp_path, table, encoding):
    own_frames = pytest.importorskip("model_training.datasets.own_frames")
    mark = "\N{ZERO WIDTH NO-BREAK SPACE}" if table and encoding.startswith("utf-16") else ""
    before = (mark + table).encode(encoding) if table else b""
    (tmp_path / "expressions.csv").write_bytes(before)
    (tmp_path / "images").mkdir()
    write_png(tmp_path / "images" / "a.png", RGB)
    lessons = Lessons(tmp_path)
    count = lessons.count
    lessons.begin(RGB, 'the red; "big", mug', square())
    lessons.keep()
    assert lessons.count == count + 1 and lessons.draft is None
    assert (tmp_path / "expressions.csv").read_bytes().startswith(before)
    reader = own_frames.OwnFrames(tmp_path)
    *others, kept = reader.records
    assert kept.split == "train" and [one.text for one in kept.expressions] == ['the red; "big", mug']
    assert (reader.masks(kept)[0] == (square() > 0)).all()
    assert [one.frames.read([0])[0].shape for one in others] == [RGB.shape] * count
    assert all(one.expressions[0].text.endswith("Tässchen") for one in others)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (b"picture,expression,mask\n", "the first line names no column image"),
        ("image,expression,mask\na.png,Tässchen,\n".encode("cp1252"), "line 2: not in UTF-8"),
        (b"image,expression,mask\na.png,the mug, left,\n", "line 2: not the 3 fields of the first line"),
        (b'image,mask,expression\na.png,,"the mug\n', "no row can follow its last line"),
    ],
)
def test_a_table_that_no_row_fits_is_told_and_stays_as_it_is(tmp_path, table, words):
    (tmp_path / "expressions.csv").write_bytes(table)
    lessons = Lessons(tmp_path)
    lessons.begin(RGB, "the mug", square())
    with pytest.raises(ValueError, match=f"expressions.csv.*{words}") as refused:
        lessons.keep()
    assert "\n" not in str(refused.value)
    assert (tmp_path / "expressions.csv").read_bytes() == table
    assert lessons.draft is not None and Lessons(tmp_path).draft is not None


def test_a_draft_outlives_whoever_drew_it(tmp_path):
    lessons = Lessons(tmp_path)
    lessons.begin(RGB, "the mug", EMPTY)
    lessons.change(square())
    left = Lessons(tmp_path).draft
    assert left is not None and left.text == "the mug"
    assert (left.mask == square()).all() and (left.rgb == RGB).all()
    assert Lessons(tmp_path).count == 0


def test_changes_can_be_taken_back(tmp_path):
    lessons = Lessons(tmp_path)
    lessons.begin(RGB, "the mug", EMPTY)
    lessons.change(square())
    lessons.undo()
    assert not lessons.draft.mask.any() and not Lessons(tmp_path).draft.mask.any()
    lessons.undo()
    assert not lessons.draft.mask.any()


def test_a_discarded_draft_leaves_nothing(tmp_path):
    lessons = Lessons(tmp_path)
    lessons.begin(RGB, "the mug", square())
    lessons.discard()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert Lessons(tmp_path).draft is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "1"}', '{"name": "gone", "text": "the mug"}'])
def test_a_damaged_draft_is_none(tmp_path, text):
    (tmp_path / "draft.json").write_text(text)
    assert Lessons(tmp_path).draft is None


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        Lessons(tmp_path / "file").begin(RGB, "the mug", EMPTY)


def test_a_correction_that_cannot_begin_leaves_nothing(tmp_path):
    (tmp_path / "draft.json").mkdir()  # so that the last of its files cannot be written
    lessons = Lessons(tmp_path)
    with pytest.raises(OSError, match="draft.json"):
        lessons.begin(RGB, "the mug", EMPTY)
    assert lessons.draft is None
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    (tmp_path / "draft.json").rmdir()
    assert lessons.begin(RGB, "the mug", EMPTY) is lessons.draft


def test_a_change_that_cannot_be_written_is_none(tmp_path):
    lessons = Lessons(tmp_path)
    draft = lessons.begin(RGB, "the mug", EMPTY)
    lessons.change(square())
    mask = tmp_path / "masks" / f"{draft.name}.png"
    mask.unlink()
    mask.mkdir()
    for act in (lambda: lessons.change(square(0)), lessons.undo):
        with pytest.raises(OSError, match=mask.name):
            act()
        assert lessons.draft is draft and (draft.mask == square()).all() and len(draft.before) == 1
    mask.rmdir()
    lessons.undo()
    assert not draft.mask.any() and not Lessons(tmp_path).draft.mask.any()


def test_a_discarded_draft_is_none_even_if_a_file_of_it_stays(tmp_path):
    lessons = Lessons(tmp_path)
    mask = tmp_path / "masks" / f"{lessons.begin(RGB, 'the mug', EMPTY).name}.png"
    mask.unlink()
    mask.mkdir()
    with pytest.raises(OSError, match=mask.name):
        lessons.discard()
    assert lessons.draft is None and Lessons(tmp_path).draft is None


def test_strokes():
    line = np.array([[5, 5], [40, 5]], np.int32)
    drawn = stroke(EMPTY, line, "brush", 3)
    assert drawn[5, 5:41].all() and not drawn[20:].any() and not EMPTY.any()
    assert not stroke(drawn, line, "eraser", 9).any()
    corners = np.array([[30, 10], [49, 10], [49, 19], [30, 19]], np.int32)
    assert (stroke(EMPTY, corners, "polygon", 1) == square()).all()
    point = stroke(EMPTY, np.array([[5, 5]], np.int32), "brush", 5)
    assert point[5, 5] and point.sum() // 255 > 4
