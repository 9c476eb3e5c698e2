"""What every reader of a data set does: records in one form, names, and what it says of a folder that is not whole."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model_training.datasets.formats import open_every_list, open_folder
from model_training.datasets.inspection import report
from model_training.datasets.naming import names_apart
from model_training.datasets.refer import Refer
from model_training.datasets.sample import ClipFrames, Joined
from model_training.sources.data_set import DataSet
from tests.model_training.datasets import writers
from tests.model_training.datasets.writers import BOXES, HEIGHT, WIDTH, masks, only, texts
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


def test_referit(tmp_path: Path) -> None:
    folder = writers.write_referit(tmp_path)
    reader = only(folder)
    assert texts(reader) == {
        "test/9": ["road"],
        "trainval/38": ["sky", "the man", "man left"],
        "trainval/40": ["grass"],
    }
    np.testing.assert_array_equal(masks(reader, 1), [BOXES[1], BOXES[2], BOXES[2]])
    shutil.copytree(folder, folder / "data")  # the first place that exists is used
    assert [record.id for record in only(folder).records] == [record.id for record in reader.records]
    (folder / "referit_test_imlist.txt").write_text("8\n")
    with pytest.raises(
        ValueError, match=r"referit_test_imlist\.txt: has no image 9, but referit_query_test\.json has 9_2"
    ):
        open_folder(folder)
    (folder / "referit_test_imlist.txt").unlink()
    (folder / "mask" / "9_2.mat").write_bytes(b"MATLAB 5.0 MAT-file, but no more than that")
    with pytest.raises(ValueError, match=r"9_2\.mat: not a MATLAB file that can be read"):
        reader.load(reader.records[0])


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


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_json_with_a_byte_order_mark_is_read(tmp_path: Path, encoding: str) -> None:
    folder = writers.write_referit(tmp_path)
    for path in folder.glob("*.json"):
        path.write_bytes(path.read_text().encode(encoding))
    assert len(only(folder).records) == 3
