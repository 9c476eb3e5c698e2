"""Real frames with label images: what is said of them, and what is not there."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from model_training.datasets.formats import open_folder


def test_names_become_expressions(tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(
        json.dumps({"1": "mug", "2": "tuna_fish_can", "3": "soup_can", "4": "pitcher_base", "5": "dog_can"})
    )
    (tmp_path / "a").mkdir()
    labels = np.zeros((40, 60), np.uint8)
    for value in (1, 2, 3):
        labels[10:20, 15 * value : 15 * value + 9] = value
    cv2.imwrite(str(tmp_path / "a" / "1-color.jpg"), np.full((40, 60, 3), 99, np.uint8))
    cv2.imwrite(str(tmp_path / "a" / "1-label.png"), labels)
    (reader,) = open_folder(tmp_path)
    (record,) = reader.records
    sample = reader.load(record)
    shown = {one.text: int(sample.mask_of(index).sum()) for index, one in enumerate(record.expressions)}
    assert shown == {"the mug": 90, "the tuna fish can": 90, "the soup can": 90, "the pitcher": 0}


def write_labels(folder: Path, labels: Image.Image) -> Path:
    """A frame of a scene with a mug (1) and a bowl (2)."""
    (folder / "a").mkdir()
    (folder / "labels.json").write_text(json.dumps({"1": "mug", "2": "bowl"}))
    cv2.imwrite(str(folder / "a" / "1-color.jpg"), np.full((labels.height, labels.width, 3), 99, np.uint8))
    labels.save(folder / "a" / "1-label.png")
    return folder


LABELS = np.repeat(np.array([[0, 1, 2, 0]], np.uint8), 10, axis=1).repeat(30, axis=0)


def test_the_entries_of_a_palette_are_the_labels(tmp_path: Path) -> None:
    labels = Image.fromarray(LABELS)
    labels.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0])
    (reader,) = open_folder(write_labels(tmp_path, labels))
    masks = reader.load(reader.records[0]).masks
    np.testing.assert_array_equal(masks, [LABELS == 1, LABELS == 2])


def test_colours_are_no_labels(tmp_path: Path) -> None:
    colours = np.array([[0, 0, 0], [200, 0, 0], [0, 200, 0]], np.uint8)[LABELS]
    with pytest.raises(ValueError, match=r"1-label\.png: a palette or grey levels were expected as ids of things"):
        open_folder(write_labels(tmp_path, Image.fromarray(colours)))


@pytest.mark.parametrize(
    ("listed", "error"),
    [
        (["mug"], r"labels\.json: not a table of labels"),
        ({"1": None}, r"labels\.json, label 1: None is no text"),
        ({"1": 5}, r"labels\.json, label 1: 5 is no text"),
        ({"a": "mug"}, r"labels\.json: the label 'a' is no whole number from 0"),
        ({"1.0": "mug"}, r"labels\.json: the label '1\.0' is no whole number from 0"),
        ({"1": "mug", "01": "bowl"}, r"labels\.json: has the label 1 twice"),
    ],
)
def test_wrong_names_of_labels_are_one_line(listed: object, error: str, tmp_path: Path) -> None:
    write_labels(tmp_path, Image.fromarray(LABELS))
    (tmp_path / "labels.json").write_text(json.dumps(listed))
    with pytest.raises(ValueError, match=error):
        open_folder(tmp_path)


def write_shelf(folder: Path, listed: object) -> Path:
    for name, pixels in (("color/1.color.png", np.full((30, 40, 3), 99, np.uint8)), ("segm/1.segm.png", LABELS)):
        (folder / name).parent.mkdir()
        cv2.imwrite(str(folder / name), pixels)
    (folder / "labels_and_expressions.json").write_text(json.dumps(listed))
    return folder


def test_people_s_expressions_are_kept(tmp_path: Path) -> None:
    things = {"1": {"expressions": ["the mug", "a cup"]}, "2": {"expressions": ["the bowl"]}}
    (reader,) = open_folder(write_shelf(tmp_path, {"objects": things}))
    sample = reader.load(reader.records[0])
    assert [one.text for one in reader.records[0].expressions] == ["the mug", "a cup", "the bowl"]
    np.testing.assert_array_equal([sample.mask_of(row) for row in range(3)], [LABELS == 1, LABELS == 1, LABELS == 2])


@pytest.mark.parametrize(
    ("listed", "error"),
    [
        ({}, r"labels_and_expressions\.json: not a table of labels"),
        ([], r"labels_and_expressions\.json: not a table of labels"),
        ({"objects": {"1": {}}}, r"labels_and_expressions\.json, label 1: has no list of expressions"),
        ({"objects": {"1": {"expressions": "mug"}}}, r"label 1: has no list of expressions"),
        ({"objects": {"1": {"expressions": ["mug", 3]}}}, r"label 1: 3 is no text"),
        ({"objects": {"x": {"expressions": ["mug"]}}}, r"the label 'x' is no whole number from 0"),
    ],
)
def test_wrong_expressions_of_a_shelf_are_one_line(listed: object, error: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=error):
        open_folder(write_shelf(tmp_path, listed))


def test_files_of_a_mac_are_no_frames(tmp_path: Path) -> None:
    write_labels(tmp_path, Image.fromarray(LABELS))
    for hidden in ("a/._1-color.jpg", "a/._1-label.png"):
        (tmp_path / hidden).write_bytes(b"\0\x05\x16\x07 of a Mac")
    (reader,) = open_folder(tmp_path)
    assert [record.id for record in reader.records] == ["a/1-color.jpg"]
