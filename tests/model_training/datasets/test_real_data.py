"""Readers on real files, where these are: in the folder that REFSEG_DATA names, or in ../shared/data."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from model_training.datasets import __main__, a2d, jhmdb
from model_training.datasets.batches import BatchConfig, Batches
from model_training.datasets.formats import open_folder
from model_training.datasets.sample import Joined
from refseg_ros.expression import Vocabulary

DATA = Path(os.environ.get("REFSEG_DATA", Path(__file__).parents[4] / "shared" / "data"))


def folder(name: str) -> Path:
    path = DATA / name
    if not path.is_dir():
        pytest.skip(f"{path} is not here")
    return path


def test_rendered_rooms_in_the_format_of_refcoco(tmp_path: Path) -> None:
    rooms = folder("refcoco_3ds_rendered")
    joined = Joined(open_folder(rooms))
    assert len(joined.records) == 15
    assert sum(len(record.truth) for record in joined.records) == 307
    assert sum(len(record.expressions) for record in joined.records) == 1436
    agree = 0
    for room in rooms.iterdir():
        if not room.is_dir():
            continue
        annotations = {one["id"]: one for one in json.loads((room / "instances.json").read_text())["annotations"]}
        (reader,) = open_folder(room)
        refs = json.loads((room / "refs.json").read_text())
        for record in reader.records:
            of_image = [ref for ref in refs if f"train/{ref['image_id']}" == record.id]
            for mask, ref in zip(reader.load(record).masks, of_image, strict=True):
                x, y, width, height = annotations[ref["ann_id"]]["bbox"]
                left, top, w, h = cv2.boundingRect(mask.astype(np.uint8))
                across = min(x + width, left + w) - max(x, left)
                down = min(y + height, top + h) - max(y, top)
                inside = max(0, across) * max(0, down)
                agree += inside > 0.8 * (width * height + w * h - inside)
    assert agree >= 300, "boxes of masks and boxes of the data set differ"
    assert __main__.main([str(rooms), "--sheet", str(tmp_path / "sheet.png")]) == 0
    config = BatchConfig(height=144, width=192, padding=0, max_words=20, frames=3, expressions=4)
    batch = Batches(joined, "train", Vocabulary.of_texts(joined.texts("train")), config)[0]
    assert batch.masks.shape == (3, 4, 144, 192) and batch.present.all() and (batch.words != 1).all()


def test_the_sentences_of_a2d() -> None:
    texts = folder("a2d_jhmdb_sentences_text")
    rows = a2d.read_annotation(texts / "a2d_annotation.txt")
    assert len(rows) == 6654  # of 6655 the slip is left out
    assert len({video for video, _, _ in rows}) == 3754
    assert rows[0] == ("--h5fAKYurM", 0, "the pigeon is limping")
    with pytest.raises(FileNotFoundError, match=r"Release/videoset\.csv: expected, but not there"):
        open_folder(texts)


def test_the_choice_of_frames_of_jhmdb() -> None:
    chosen = jhmdb.read_choice(folder("a2d_jhmdb_sentences_text") / jhmdb.CHOSEN)
    assert len(chosen) == 928 and {len(frames) for frames in chosen.values()} == {3}
    assert chosen["100_pullups_pullup_f_nm_np1_fr_med_1"][:2] == [1, 7]


def test_a_robots_frames_as_own_frames(tmp_path: Path) -> None:
    """The label maps of a real shelf, brought to the format of own frames."""
    shelf = folder("apc2016_robot_shelf")
    things = json.loads((shelf / "labels_and_expressions.json").read_text())["objects"]
    rows = ["image,expression,mask,split"]
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for path in sorted((shelf / "color").glob("*.png"))[:3]:
        (tmp_path / "images" / path.name).symlink_to(path)
        labels = cv2.imread(str(shelf / "segm" / path.name.replace("color", "segm")), cv2.IMREAD_UNCHANGED)
        for value, thing in things.items():
            mask = f"{path.stem}-{value}.png"
            cv2.imwrite(str(tmp_path / "masks" / mask), (labels == int(value)) * np.uint8(255))
            rows += [f'{path.name},"{text}",{mask},train' for text in thing["expressions"]]
    (tmp_path / "expressions.csv").write_text("\n".join(rows) + "\n")
    (reader,) = open_folder(tmp_path)
    assert len(reader.records) == 3 and all(len(record.expressions) == 8 for record in reader.records)
    for record in reader.records:
        sample = reader.load(record)
        assert sample.frames.shape == (1, 480, 640, 3)
        assert sample.masks.any(axis=(1, 2)).all() and sample.masks.sum(0).max() == 1
    sheet = tmp_path / "shelf.png"
    assert __main__.main([str(tmp_path), "--sheet", str(sheet)]) == 0
