"""Each reader on a folder in exactly its format; and what it says of one that is not whole."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from model_training.datasets.formats import open_every_list, open_folder
from model_training.datasets.inspection import count, report
from model_training.datasets.naming import names_apart
from model_training.datasets.refer import Refer
from model_training.datasets.sample import ClipFrames, Joined
from model_training.sources.data_set import DataSet
from tests.model_training.datasets import writers
from tests.model_training.datasets.writers import BOXES, HEIGHT, WIDTH, masks, only, picture, texts
from tests.model_training.folder import SMALL

WRITERS: dict[str, Callable[[Path], Path]] = {
    "UNC": writers.write_refer,
    "ReferIt": writers.write_referit,
    "A2D-Sentences": writers.write_a2d,
    "JHMDB-Sentences": writers.write_jhmdb,
    "Ref-YouTube-VOS": writers.write_referring_videos,
    "own frames of data": writers.write_own_frames,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_record_has_the_promised_form(name: str, tmp_path: Path) -> None:
    reader = only(WRITERS[name](tmp_path / "data"))
    assert reader.name == name
    assert len({record.id for record in reader.records}) == len(reader.records)
    for record in reader.records:
        sample = reader.load(record, ClipFrames(1, 1))
        assert sample.frames.shape == (3 if len(record.frames) > 1 else 1, HEIGHT, WIDTH, 3)
        assert sample.frames.dtype == np.uint8
        still = reader.load(record)
        np.testing.assert_array_equal(still.frames[-1], sample.frames[-1])
        if sample.masks is not None:
            assert sample.masks.dtype == bool and sample.masks.shape == (len(record.truth), HEIGHT, WIDTH)
            narrow = reader.load(record.narrowed([len(record.truth) - 1]))
            np.testing.assert_array_equal(narrow.masks[0], sample.masks[-1])
            assert all(os.path.isfile(path) for path in reader.truth_files(record))


def test_unc(tmp_path: Path) -> None:
    reader = only(writers.write_refer(tmp_path))
    assert texts(reader) == {
        "train/7": ["the left one", "caf\xe9 table", "right bar"],
        "val/7": ["both corners"],
        "testA/9": ["wide bar on the right"],
    }
    np.testing.assert_array_equal(masks(reader, 0), [BOXES[0], BOXES[0], BOXES[1]])
    np.testing.assert_array_equal(masks(reader, 1), [BOXES[2]])
    np.testing.assert_array_equal(masks(reader, 2), [BOXES[1]])
    assert [one.id for one in reader.records[0].expressions] == ["0", "1", "100"]
    assert np.abs(reader.load(reader.records[0]).frames[0].astype(int) - picture(7)).mean() < 6


@pytest.mark.parametrize(
    ("kind", "maker", "name"),
    [("refcoco+", "unc", "UNC+"), ("refcocog", "google", "G-Ref (google)"), ("refcocog", "umd", "G-Ref (umd)")],
)
def test_the_name_follows_folder_and_splits(kind: str, maker: str, name: str, tmp_path: Path) -> None:
    assert only(writers.write_refer(tmp_path, kind, maker)).name == name


def test_a_root_of_several_is_opened_as_a_whole(tmp_path: Path) -> None:
    writers.write_refer(tmp_path)
    writers.write_refer(tmp_path, "refcocog", "umd")
    readers = open_folder(tmp_path)
    assert [reader.name for reader in readers] == ["UNC", "G-Ref (umd)"]
    joined = Joined(readers)
    assert len(joined.records) == 6 and joined.splits == ("train", "val", "testA")
    record = joined.records[4]
    np.testing.assert_array_equal(joined.load(record).masks, [BOXES[2]])
    assert record.id == "1/val/7" and joined.load(joined.records[0].narrowed([1])).masks.shape[0] == 1


def test_of_several_lists_of_the_same_images_one_must_be_named(tmp_path: Path) -> None:
    folder = writers.write_published_refcoco(tmp_path)
    assert [reader.name for reader in open_every_list(folder)] == ["RefCOCO (google)", "UNC"]
    for place in (folder, tmp_path):
        with pytest.raises(ValueError, match="several lists of the same images") as caught:
            open_folder(place)
        assert f"'{folder}/refs(google).p' (RefCOCO (google)) or '{folder}/refs(unc).p' (UNC)" in str(caught.value)
    (alone,) = open_folder(folder / "refs(unc).p")
    assert alone.name == "UNC" and alone.splits == ("train", "val", "testA")
    assert [reader.name for reader in open_folder(tmp_path, dataset="UNC")] == ["UNC"]
    with pytest.raises(FileNotFoundError, match="there is no such folder"):
        open_folder(folder / "instances.json")


def test_data_sets_of_one_name_are_told_apart(tmp_path: Path) -> None:
    same = [only(writers.write_own_frames(tmp_path / parent / "frames")) for parent in ("kitchen", "bench")]
    other = only(writers.write_own_frames(tmp_path / "kitchen" / "shelf"))
    assert names_apart([*same, other]) == [
        "own frames of frames (kitchen/frames)", "own frames of frames (bench/frames)", "own frames of shelf",
    ]  # fmt: skip
    with pytest.raises(ValueError, match=f"{other.folder}: own frames of shelf is given twice"):
        names_apart([other, *same, other])


def test_images_may_lie_anywhere(tmp_path: Path) -> None:
    folder = writers.write_refer(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    shutil.move(tmp_path / "images/mscoco/images/train2014", elsewhere)
    with pytest.raises(FileNotFoundError, match=r"COCO_train2014_000000000007\.jpg: expected, but not there"):
        open_folder(folder)
    assert Refer(folder / "refs(unc).p", elsewhere).load(open_folder(folder, elsewhere)[0].records[0]).masks is not None


class Malicious:
    """Makes a folder when it is unpickled by a plain unpickler."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_malicious_pickle_is_refused(protocol: int, tmp_path: Path) -> None:
    folder = writers.write_refer(tmp_path / "data")
    evil = pickle.dumps([{"ref_id": Malicious(tmp_path / "harmed")}], protocol)
    (folder / "refs(unc).p").write_bytes(evil)
    with pytest.raises(ValueError, match=r"refs\(unc\)\.p: not plain lists and dicts .*; nothing in it was run"):
        open_folder(folder)
    assert not (tmp_path / "harmed").exists()
    pickle.loads(evil)
    assert (tmp_path / "harmed").exists(), "the pickle would have done harm"


@pytest.mark.parametrize("content", [b"", b"text", b"\x80\x02]", b"\x80\x04\x95" + b"\xff" * 9, b"\x80\x02K\x01."])
def test_a_damaged_pickle_is_named(content: bytes, tmp_path: Path) -> None:
    folder = writers.write_refer(tmp_path)
    (folder / "refs(unc).p").write_bytes(content)
    with pytest.raises(ValueError, match=r"refs\(unc\)\.p: "):
        open_folder(folder)


def test_refs_and_instances_must_belong_together(tmp_path: Path) -> None:
    folder = writers.write_refer(tmp_path)
    instances = json.loads((folder / "instances.json").read_text())
    instances["annotations"] = instances["annotations"][1:]
    (folder / "instances.json").write_text(json.dumps(instances))
    with pytest.raises(ValueError, match="do not belong together: ref 0, image 7, annotation 10"):
        open_folder(folder)
    (folder / "instances.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"instances\.json: expected, but not there"):
        open_folder(folder)


BROKEN_REFS: list[tuple[Callable[[list, dict], object], str]] = [
    (lambda refs, _: refs[3].update(image_id=7), r"ref 3, image 7, annotation 13: there is annotation 13 of image 9"),
    (lambda refs, _: refs[0].update(image_id=[7]), r"ref 0, image \[7\], annotation 10: there is no image \[7\]"),
    (lambda refs, _: refs[0].update(ann_id="10"), r"ref 0, image 7, annotation 10: there is no annotation '10'"),
    (lambda refs, _: refs[0].update(split=None), r"refs\.json, ref 0: its split None is no text"),
    (lambda refs, _: refs[0].pop("ann_id"), r"refs\.json, ref 0: without ann_id"),
    (lambda refs, _: refs[0]["sentences"][0].update(sent=None), r"refs\.json, ref 0: not a list of .*None is no text"),
    (lambda refs, _: refs[0].update(sentences=["mug"]), r"refs\.json, ref 0: not a list of sentences"),
    (
        lambda _, listed: listed["annotations"][1].update(id=10),
        r"instances\.json: two of the annotations have the id 10",
    ),
    (lambda _, listed: listed["images"][1].update(id=7), r"instances\.json: two of the images have the id 7"),
    (lambda _, listed: listed["images"][0].update(file_name=3), r"image 7: needs .*3 is no text"),
    (lambda _, listed: listed["images"][0].update(height=None), r"image 7: needs .*None is no whole number from 1"),
    (lambda _, listed: listed["images"][0].update(height=-5), r"image 7: needs .*-5 is no whole number from 1"),
    (lambda _, listed: listed["images"][0].update(height="tall"), r"image 7: needs .*'tall' is no whole number from 1"),
    (lambda _, listed: listed["annotations"][1]["segmentation"].update(size=5), r"annotation 11: no seg.* of size 5"),
]


@pytest.mark.parametrize(("change", "error"), BROKEN_REFS)
def test_what_is_wrong_in_lists_of_coco_is_one_line(change: Callable, error: str, tmp_path: Path) -> None:
    folder = writers.write_refer(tmp_path)
    (folder / "refs(unc).p").unlink()
    refs, listed = writers.refs(), json.loads((folder / "instances.json").read_text())
    change(refs, listed)
    (folder / "refs.json").write_text(json.dumps(refs))
    (folder / "instances.json").write_text(json.dumps(listed))
    with pytest.raises(ValueError, match=error) as caught:
        open_folder(folder)
    assert "\n" not in str(caught.value) and str(folder) in str(caught.value)


def test_sizes_may_be_written_as_decimals_and_images_lie_in_subfolders(tmp_path: Path) -> None:
    folder = writers.write_refer(tmp_path)
    listed = json.loads((folder / "instances.json").read_text())
    for image in listed["images"]:
        image.update(height=float(HEIGHT), width=float(WIDTH), file_name=f"train2014/{image['file_name']}")
    (folder / "instances.json").write_text(json.dumps(listed))
    shutil.move(tmp_path / "images/mscoco/images/train2014", folder / "images" / "train2014")
    reader = only(folder)
    np.testing.assert_array_equal(masks(reader, 0), [BOXES[0], BOXES[0], BOXES[1]])


def test_referit(tmp_path: Path) -> None:
    folder = writers.write_referit(tmp_path)
    reader = only(folder)
    assert texts(reader) == {
        "test/9": ["road"],
        "trainval/38": ["sky", "the man", "man left"],
        "trainval/40": ["grass"],
    }
    np.testing.assert_array_equal(masks(reader, 1), [BOXES[1], BOXES[2], BOXES[2]])
    (folder / "referit_test_imlist.txt").write_text("8\n")
    with pytest.raises(
        ValueError, match=r"referit_test_imlist\.txt: has no image 9, but referit_query_test\.json has 9_2"
    ):
        open_folder(folder)
    (folder / "referit_test_imlist.txt").unlink()
    (folder / "mask" / "9_2.mat").write_bytes(b"MATLAB 5.0 MAT-file, but no more than that")
    with pytest.raises(ValueError, match=r"9_2\.mat: not a MATLAB file that can be read"):
        reader.load(reader.records[0])


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


REQUIRED = {
    "UNC": ["instances.json"],
    "ReferIt": ["images", "mask"],
    "A2D-Sentences": [
        "Release/videoset.csv", "Release/clips320H", "Release/clips320H/vid-a.mp4",
        "text_annotations/a2d_missed_videos.txt", "text_annotations/a2d_annotation_with_instances",
        "text_annotations/a2d_annotation_with_instances/vid-b",
    ],
    "JHMDB-Sentences": ["Rename_Images", "puppet_mask", "puppet_mask/walk/walk_1/puppet_mask.mat"],
    "Ref-YouTube-VOS": ["train/JPEGImages/0a49f5265b"],
    "own frames of data": ["images/a.png"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "part"), [(name, part) for name, parts in REQUIRED.items() for part in parts])
def test_a_partial_folder_is_told_by_the_file_expected(name: str, part: str, tmp_path: Path) -> None:
    folder = WRITERS[name](tmp_path / "data")
    path = folder / part
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(FileNotFoundError) as caught:
        open_folder(folder)
    assert str(path) in str(caught.value) and "expected, but not there" in str(caught.value)


def silenced(name: str, folder: Path, *, all_of_it: bool) -> None:
    """Take the expressions from a part of a data set, or from all of it."""
    if name == "UNC":
        (folder / "refs(unc).p").unlink(missing_ok=True)
        listed = writers.refs()
        for ref in listed[: None if all_of_it else 2]:
            ref["sentences"] = []
        (folder / "refs.json").write_text(json.dumps(listed))
    elif name == "ReferIt":
        for path in folder.glob("referit_query_*.json"):
            queries = json.loads(path.read_text())
            path.write_text(json.dumps({key: [] if all_of_it or key[:2] == "40" else queries[key] for key in queries}))
    else:
        for split in ("train", "valid") if all_of_it else ("train",):
            path = folder / "meta_expressions" / split / "meta_expressions.json"
            meta = json.loads(path.read_text())
            meta["videos"]["0a49f5265b"]["expressions"] = {}
            path.write_text(json.dumps(meta))


@pytest.mark.parametrize(
    ("name", "silent"),
    [
        ("UNC", ("train/7",)),
        ("ReferIt", ("trainval/40",)),
        ("Ref-YouTube-VOS", tuple(f"train/0a49f5265b/{number:05d}" for number in (0, 5, 10))),
    ],
)
def test_frames_of_which_nothing_is_said_are_left_out_and_named(
    name: str, silent: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the check of a data set, and when training begins."""
    folder = WRITERS[name](tmp_path)
    everything = {record.id for record in only(folder).records}
    silenced(name, folder, all_of_it=False)
    reader = only(folder)
    assert everything - {record.id for record in reader.records} == set(silent)
    assert reader.records and all(record.expressions for record in reader.records)
    remark = f"left out, because nothing is said of them: {len(silent)}, first {silent[0]}"
    assert remark in report(reader)
    DataSet(replace(SMALL, split=reader.splits[0]), str(folder), workers=0, cache=tmp_path / "cache")
    assert capsys.readouterr().err == f"{reader.folder}: {remark}\n"
    silenced(name, folder, all_of_it=True)
    with pytest.raises(ValueError, match=f"{folder}: .* has no expressions"):
        open_folder(folder)


def test_a_data_set_without_records_is_refused(tmp_path: Path) -> None:
    folder = writers.write_refer(tmp_path)
    (folder / "refs(unc).p").unlink()
    (folder / "refs.json").write_text("[]")
    with pytest.raises(ValueError, match="has no expressions, so there is nothing to learn or score"):
        open_folder(folder)


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"no data set is known by its files; expected is one of: refs\(unc\)\.p"
    ):
        open_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no such folder"):
        open_folder(tmp_path / "nothing")


def test_a_damaged_image_is_named(tmp_path: Path) -> None:
    folder = writers.write_own_frames(tmp_path)
    reader = only(folder)
    (folder / "images" / "a.png").write_bytes(cv2.imencode(".png", picture(1))[1].tobytes()[:40])
    with pytest.raises(ValueError, match=r"a\.png: PNG of 40 bytes is damaged"):
        reader.load(reader.records[0])


@pytest.mark.parametrize("none", [[-1], [], None, -1])
def test_an_expression_of_grefcoco_means_several_things_or_none(tmp_path: Path, none: object) -> None:
    folder = writers.write_refer(tmp_path, "grefcoco")
    (folder / "refs(unc).p").unlink()
    listed = writers.refs()[:2]
    for ref, things in zip(listed, ([10, 11, 12], none), strict=True):
        ref["ann_id"] = things
    (folder / "grefs(unc).json").write_text(json.dumps(listed))
    reader = only(folder)
    assert reader.name == "gRefCOCO"
    sample = reader.load(reader.records[0])
    np.testing.assert_array_equal(sample.mask_of(0), BOXES[0] | BOXES[1] | BOXES[2])
    assert not sample.mask_of(2).any()
    assert count(reader)[0].referents == 1


def test_texts_of_python_2_are_utf_8_or_latin_1(tmp_path: Path) -> None:
    folder = writers.write_refer(tmp_path)
    refs = folder / "refs(unc).p"
    refs.write_bytes(refs.read_bytes().replace(b"U\x0cthe left one", b"U\x0cT\xc3\xa4sschen le"))
    texts = [one.text for one in only(folder).records[0].expressions]
    assert texts[:2] == ["Tässchen le", "café table"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_tables_of_spreadsheet_programs_are_read(tmp_path: Path, delimiter: str, encoding: str, end: str) -> None:
    folder = writers.write_own_frames(tmp_path)
    rows = [
        "image,expression,mask,split",
        "a.png,das Tässchen,0.png,train",
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


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_json_with_a_byte_order_mark_is_read(tmp_path: Path, encoding: str) -> None:
    folder = writers.write_referit(tmp_path)
    for path in folder.glob("*.json"):
        path.write_bytes(path.read_text().encode(encoding))
    assert len(only(folder).records) == 3


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_a_picture_in_motion_the_first_is_read(tmp_path: Path, kind: str) -> None:
    folder = writers.write_own_frames(tmp_path)
    pictures = [Image.fromarray(picture(number)) for number in range(3)]
    more = dict(save_all=True, append_images=pictures[1:], duration=100, lossless=True)
    pictures[0].save(folder / "images" / "a.png", kind, **more)
    (frame,) = only(folder).records[0].frames.read([0])
    assert np.abs(frame.astype(int) - picture(0)).mean() < 20
