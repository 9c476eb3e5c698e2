"""The readers of videos: which frame and which mask belong together."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from model_training.datasets.formats import open_folder
from model_training.datasets.sample import ClipFrames, Joined
from tests.model_training.datasets import writers
from tests.model_training.datasets.writers import BOXES, HEIGHT, WIDTH, masks, only, picture, texts


def test_a2d(tmp_path: Path) -> None:
    reader = only(writers.write_a2d(tmp_path / "a2d"))
    assert texts(reader) == {
        "vid-a/00002": ["bird flying left", "Bird on the ground."],
        "vid-a/00004": ["Bird on the ground."],
        "vid-b/00001": ["dog, running"],
    }
    assert [record.split for record in reader.records] == ["train", "train", "test"]
    np.testing.assert_array_equal(masks(reader, 0), [BOXES[0] | BOXES[2], BOXES[1]])
    np.testing.assert_array_equal(masks(reader, 1), [BOXES[1]])
    clip = reader.load(reader.records[1], ClipFrames(past=2, future=3))
    levels = [20, 40, 80, 100, 100, 60]  # frames 2, 3, 5, 6, again 6, and the target 4; each is 20 brighter
    assert np.abs(clip.frames.mean((1, 2, 3)) - levels).max() < 6


def test_a2d_with_extracted_frames_of_another_size(tmp_path: Path) -> None:
    folder = writers.write_a2d(tmp_path)
    for number in range(1, 7):
        writers.write_image(folder / f"Release/frames/vid-a/{number:05d}.png", picture(number, 2 * HEIGHT, 2 * WIDTH))
        writers.write_image(folder / f"Release/frames/vid-b/{number:05d}.png", picture(number, HEIGHT, 2 * WIDTH))
    reader = only(folder)
    sample = reader.load(reader.records[1])
    np.testing.assert_array_equal(sample.frames[0], picture(4, 2 * HEIGHT, 2 * WIDTH))
    np.testing.assert_array_equal(sample.masks[0], BOXES[1].repeat(2, 0).repeat(2, 1))
    with pytest.raises(ValueError, match=r"vid-b/00001\.png: the masks of vid-b/00001 have 40x24, the frame 80x24"):
        reader.load(reader.records[2])
    joined = Joined([only(writers.write_referring_videos(tmp_path / "others")), reader])
    (record,) = (one for one in joined.records if one.id.endswith("vid-a/00004"))
    np.testing.assert_array_equal(joined.load(record).masks, sample.masks)
    assert joined.load(record).record is record


def test_a_thing_of_a_joined_video_is_one_in_all_its_frames(tmp_path: Path) -> None:
    videos = [only(writers.write_referring_videos(tmp_path / name)) for name in ("one", "other")]
    joined = Joined(videos)
    things = [joined.thing_of(record, 0) for record in joined.of_split("train")]
    assert len(things) == 6 and len(set(things)) == 2


@pytest.mark.parametrize(
    ("renamed", "error"),
    [
        ("00002.png", r"vid-a/00002\.png: frame 2 is missing"),
        ("00001.png", r"vid-a/00001\.png: frame 1 is missing"),
        ("00006.png", None),
    ],
)
def test_a_frame_is_the_file_with_its_number(renamed: str, error: str | None, tmp_path: Path) -> None:
    """Whose masks would belong to another, if files were counted."""
    folder = writers.write_a2d(tmp_path / "a2d")
    for video in ("vid-a", "vid-b"):
        for number in range(1, 7):
            writers.write_image(folder / f"Release/frames/{video}/{number:05d}.png", picture(number))
    frames = folder / "Release/frames/vid-a"
    (frames / renamed).unlink()
    if error:
        with pytest.raises(FileNotFoundError, match=error):
            open_folder(folder)
    else:
        reader = only(folder)
        np.testing.assert_array_equal(reader.load(reader.records[1]).frames[0], picture(4))


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ("00002.jpg", r"00002\.png: frame 2 is there twice, 00002\.jpg is it too"),
        ("00000.png", r"00000\.png: the number of a frame, counted from 1, was expected at the end of its name"),
        ("first.png", r"first\.png: the number of a frame, counted from 1, was expected at the end of its name"),
    ],
)
def test_files_that_would_shift_the_frames_are_refused(more: str, error: str, tmp_path: Path) -> None:
    folder = writers.write_a2d(tmp_path / "a2d")
    for video in ("vid-a", "vid-b"):
        for number in range(1, 7):
            writers.write_image(folder / f"Release/frames/{video}/{number:05d}.png", picture(number))
    writers.write_image(folder / "Release/frames/vid-a" / more, picture(9))
    with pytest.raises(ValueError, match=error):
        open_folder(folder)


def test_a_missing_frame_of_jhmdb_is_named(tmp_path: Path) -> None:
    folder = writers.write_jhmdb(tmp_path / "jhmdb")
    (folder / "Rename_Images/walk/walk_1/00002.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"walk_1/00002\.png: frame 2 is missing"):
        open_folder(folder)


def test_jhmdb_ends_with_its_masks(tmp_path: Path) -> None:
    folder = writers.write_jhmdb(tmp_path / "jhmdb")
    reader = only(folder)
    assert [record.id for record in reader.records] == ["walk_1/00002", "walk_1/00004", "walk_1/00006", "jump_1/00001"]
    for record, shift in zip(reader.records, (1, 3, 5, 0), strict=True):
        np.testing.assert_array_equal(reader.load(record).masks, [np.roll(BOXES[0], shift, axis=1)])
    clip = reader.load(reader.records[2], ClipFrames(past=0, future=2))
    np.testing.assert_array_equal(clip.frames, [picture(5)] * 3)
    chosen = [["walk_1", "./x/walk/walk_1/00003.png", "mask", 6, "man walking"]]
    (folder / "jhmdb_sentences_samples_metadata.json").write_text(json.dumps(chosen))
    assert [record.id for record in only(folder).records] == ["walk_1/00003"]
    (folder / "jhmdb_sentences_samples_metadata.json").write_text(json.dumps([["walk_1", "x/00007.png"]]))
    with pytest.raises(ValueError, match="walk_1 has no masked frame 7, only 6"):
        open_folder(folder)


def test_several_sentences_about_a_video_of_jhmdb_are_told_apart(tmp_path: Path) -> None:
    folder = writers.write_jhmdb(tmp_path / "jhmdb")
    with (folder / "jhmdb_annotation.txt").open("a") as file:
        file.write("walk_1,somebody walks\n")
    reader = only(folder)
    first, *_, last = reader.records
    assert [(said.id, said.text) for said in first.expressions] == [
        ("walk_1/0", "man walking"), ("walk_1/1", "somebody walks"),
    ]  # fmt: skip
    assert [said.id for said in last.expressions] == ["jump_1"]
    joined = Joined([reader])
    assert len(joined.records) == len(reader.records) == 4
    reader.records = (*reader.records, first)
    with pytest.raises(ValueError, match=f"{folder}: JHMDB-Sentences has 2 records with the id 'walk_1/00002'"):
        Joined([reader])


def test_referring_videos(tmp_path: Path) -> None:
    reader = only(writers.write_referring_videos(tmp_path / "youtube"))
    assert reader.splits == ("train", "valid") and len(reader.records) == 6
    np.testing.assert_array_equal(masks(reader, 0), [BOXES[1], BOXES[0]])
    np.testing.assert_array_equal(masks(reader, 1), [np.zeros_like(BOXES[1]), BOXES[0]])
    unknown = reader.load(reader.of_split("valid")[0])
    with pytest.raises(ValueError, match="the masks of the split valid are not published"):
        unknown.mask_of(0)
    assert only(writers.write_referring_videos(tmp_path / "davis", "bmx-bumps")).name == "Ref-DAVIS17"


def test_valid_of_youtube_vos_is_without_the_videos_of_test(tmp_path: Path) -> None:
    folder = writers.write_referring_videos(tmp_path)
    path = folder / "meta_expressions" / "valid" / "meta_expressions.json"
    metas = json.loads(path.read_text())
    metas["videos"]["ffffffffff"] = metas["videos"]["0a49f5265b"]
    path.write_text(json.dumps(metas))
    with pytest.raises(FileNotFoundError, match="valid/JPEGImages/ffffffffff: expected, but not there"):
        open_folder(folder)
    del metas["videos"]["0a49f5265b"]
    (folder / "meta_expressions" / "test").mkdir()
    (folder / "meta_expressions" / "test" / "meta_expressions.json").write_text(json.dumps(metas))
    reader = only(folder)
    assert reader.splits == ("train", "valid") and len(reader.of_split("valid")) == 3
    shutil.copytree(folder / "valid" / "JPEGImages" / "0a49f5265b", folder / "test" / "JPEGImages" / "ffffffffff")
    assert len(only(folder).of_split("test")) == 3


def test_a_split_without_frames_or_with_masks_by_expression_leaves_the_others_alone(tmp_path: Path) -> None:
    """The archive of the texts has all splits, and newer ones of valid have VIDEO/EXPRESSION/FRAME.png."""
    folder = writers.write_referring_videos(tmp_path)
    assert "obj_id" not in (folder / "meta_expressions" / "valid" / "meta_expressions.json").read_text()
    writers.write_image(folder / "valid/Annotations/0a49f5265b/0/00000.png", picture(0))
    reader = only(folder)
    assert len(reader.of_split("valid")) == 3 and not reader.is_published("valid")
    assert any("split valid: its masks have a folder for each expression" in line for line in reader.remarks)
    shutil.rmtree(folder / "valid")
    reader = only(folder)
    assert reader.splits == ("train",) and any("valid/JPEGImages is not there" in line for line in reader.remarks)
    shutil.rmtree(folder / "train")
    with pytest.raises(FileNotFoundError, match="JPEGImages/0a49f5265b: expected, but not there"):
        open_folder(folder)


def test_a_mask_of_colours_has_no_ids(tmp_path: Path) -> None:
    folder = writers.write_referring_videos(tmp_path)
    writers.write_image(folder / "train/Annotations/0a49f5265b/00000.png", picture(0))
    reader = only(folder)
    with pytest.raises(
        ValueError, match=r"00000\.png: a palette or grey levels were expected as ids of things, this has colours"
    ):
        reader.load(reader.records[0])


@pytest.mark.parametrize("thing", [1.7, -1, 0, "a", "1.5", float("inf"), float("nan"), True, 10**30, "", " 1"])
def test_an_id_of_a_thing_is_a_whole_number_above_that_of_the_background(tmp_path: Path, thing: object) -> None:
    folder = writers.write_referring_videos(tmp_path)
    path = folder / "meta_expressions" / "train" / "meta_expressions.json"
    meta = json.loads(path.read_text())
    told = meta["videos"]["0a49f5265b"]["expressions"]
    told["0"]["obj_id"] = 2.0
    path.write_text(json.dumps(meta))
    assert [thing for _, thing in only(folder).records[0].truth] == [1, 2]
    told["0"]["obj_id"] = thing
    path.write_text(json.dumps(meta))
    with pytest.raises(
        ValueError, match=r"meta_expressions\.json: 0a49f5265b .*: the obj_id .* is no whole number from 1"
    ):
        open_folder(folder)


def test_what_is_no_text_is_no_expression(tmp_path: Path) -> None:
    folder = writers.write_referring_videos(tmp_path / "videos")
    path = folder / "meta_expressions" / "train" / "meta_expressions.json"
    meta = json.loads(path.read_text())
    meta["videos"]["0a49f5265b"]["expressions"]["1"]["exp"] = None
    path.write_text(json.dumps(meta))
    with pytest.raises(ValueError, match=r"meta_expressions\.json: 0a49f5265b has an expression .*: None is no text"):
        open_folder(folder)
    meta["videos"]["0a49f5265b"]["frames"] = "00000"
    path.write_text(json.dumps(meta))
    with pytest.raises(ValueError, match=r"meta_expressions\.json: 0a49f5265b has no frames .*frames is no list"):
        open_folder(folder)
    folder = writers.write_referit(tmp_path / "referit")
    (folder / "referit_query_test.json").write_text(json.dumps({"9_2": ["road", None]}))
    with pytest.raises(ValueError, match=r"referit_query_test\.json: 9_2: None is no text"):
        open_folder(folder)


@pytest.mark.parametrize("count", ["inf", "nan", "many"])
def test_a_video_without_a_number_of_frames_is_one_line(count: str, tmp_path: Path) -> None:
    folder = writers.write_a2d(tmp_path)
    path = folder / "Release" / "videoset.csv"
    path.write_text(path.read_text().replace(",6,", f",{count},", 1))
    with pytest.raises(ValueError, match=r"videoset\.csv: not nine columns with frames \(7th\)"):
        open_folder(folder)


@pytest.mark.parametrize("names", [[str(number) for number in range(1, 13)], ["c", "a", "b"]])
def test_frames_of_a_video_stay_in_their_given_order(tmp_path: Path, names: list[str]) -> None:
    folder = writers.write_referring_videos(tmp_path)
    video = "0a49f5265b"
    path = folder / "meta_expressions" / "train" / "meta_expressions.json"
    meta = json.loads(path.read_text())
    meta["videos"][video]["frames"] = names
    path.write_text(json.dumps(meta))
    for number, name in enumerate(names):
        writers.write_image(folder / "train" / "JPEGImages" / video / f"{name}.jpg", picture(number % 6))
        shutil.copy(
            folder / "train/Annotations" / video / "00000.png", folder / f"train/Annotations/{video}/{name}.png"
        )
    train = open_folder(folder)[0].of_split("train")
    assert [record.id.split("/")[-1] for record in train] == names
    assert [path.stem for path in train[0].frames.files(range(len(names)))] == names


def test_extracted_frames_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    folder = writers.write_a2d(tmp_path)
    for number in range(1, 13):
        writers.write_image(folder / "Release" / "frames" / "vid-a" / f"{number}.png", picture(number % 6))
        writers.write_image(folder / "Release" / "frames" / "vid-b" / f"{number}.png", picture(number % 6))
    for hidden in ("Release/frames/vid-a/._1.png", "text_annotations/a2d_annotation_with_instances/vid-a/._00002.h5"):
        (folder / hidden).write_bytes(b"\0\x05\x16\x07 of a Mac")
    frames = only(folder).records[0].frames
    assert [path.stem for path in frames.files(range(12))] == [str(number) for number in range(1, 13)]
