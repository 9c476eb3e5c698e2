"""Dressed scenes: photos as surfaces, other lights and nameless things, and a truth that knows nothing of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from model_training.datasets.dressing import Dressing, DressingConfig, cutouts_of, other_lights, photos_of, piece_of
from model_training.datasets.photos import Photos, split_of
from model_training.pictures.effects import Picture, occluder
from refseg_ros.simulation.tabletop import Tabletop
from tests.model_training.datasets.test_photos import write


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photos")
    cv2.imwrite(str(folder / "green.png"), np.full((60, 90, 3), (40, 220, 40), np.uint8))
    return photos_of(folder)


def frames(dressing: Dressing | None, seeds: range) -> list:
    with Tabletop(96, 72, dress=dressing) as tabletop:
        found = []
        for seed in seeds:
            tabletop.reset(seed, moving=False)
            found.append(tabletop.render())
        return found


def test_surfaces_are_pieces_of_photos(photos: list[Path]) -> None:
    config = DressingConfig(photo_surfaces=1.0, lights=0.0, most_oddments=0)
    for frame, plain in zip(frames(Dressing(config, photos), range(4)), frames(None, range(4)), strict=True):
        ground = frame.rgb[frame.labels == 0].astype(int)
        assert (ground[:, 1] > 1.5 * ground[:, 0]).mean() > 0.9, "green everywhere"
        assert np.array_equal(frame.labels, plain.labels) and len(frame.objects) == len(plain.objects)


def test_nameless_things_are_seen_but_not_in_the_truth() -> None:
    config = DressingConfig(photo_surfaces=0.0, lights=0.0, most_oddments=5)
    differ = 0
    for frame, plain in zip(frames(Dressing(config), range(6)), frames(None, range(6)), strict=True):
        assert all(thing.class_name for thing in frame.objects) and len(frame.objects) == len(plain.objects)
        assert {*np.unique(frame.labels)} <= {0, *(thing.instance_id for thing in frame.objects)}
        bare = (frame.labels == 0) & (plain.labels == 0)
        differ += (np.abs(frame.rgb[bare].astype(int) - plain.rgb[bare]).max(axis=1) > 60).mean() > 0.005
    assert differ >= 3


def test_a_dressed_scene_is_the_same_again(photos: list[Path]) -> None:
    dressing = Dressing(DressingConfig(), photos)
    for one, other in zip(frames(dressing, range(3)), frames(dressing, range(3)), strict=True):
        assert np.array_equal(one.rgb, other.rgb)


def test_lights_come_from_above_and_one_casts_shadows() -> None:
    for seed in range(30):
        lights = other_lights(np.random.default_rng(seed))
        assert 1 <= len(lights) <= 4 and sum(light.shadow for light in lights) == 1
        assert all(light.direction[2] < 0 and (light.diffuse > 0).all() for light in lights)


def test_a_piece_of_a_photo_is_a_piece_of_it() -> None:
    photo = np.zeros((50, 80, 3), np.uint8)
    photo[..., 0] = np.arange(80)
    for seed in range(10):
        piece = piece_of(photo, np.random.default_rng(seed))
        assert piece.shape == (256, 256, 3) and piece[..., 0].max() <= 79 and np.ptp(piece[..., 0].mean(axis=0)) >= 10


def test_cutouts_have_the_pixels_of_their_masks(tmp_path: Path) -> None:
    write(tmp_path, [(3, (10, 20, 50, 60), "red", False), (3, (100, 10, 10, 10), "blue", False)])
    (cutout,) = cutouts_of(tmp_path)
    assert abs(cutout.shape[0] - 60) <= 1 and abs(cutout.shape[1] - 50) <= 1
    inside = cutout[2:-2, 2:-2]
    assert (inside[..., 3] == 255).all() and (inside[..., 0] > 150).all() and (inside[..., 2] < 60).all()
    with pytest.raises(ValueError, match="has no couch"):
        cutouts_of(tmp_path, "couch")


PERSON = (3, (10, 20, 50, 60), "red", False)


def changed(folder: Path, change: Callable[[dict], object]) -> Path:
    """A photo of two persons; the list changes the second one; the list is read by the photo reader, too."""
    write(folder, [PERSON, (3, (80, 20, 50, 60), "blue", False), (1, (140, 90, 15, 15), "green", False)])
    listed = json.loads((folder / "instances.json").read_text())
    change(listed)
    (folder / "instances.json").write_text(json.dumps(listed))
    assert Photos(folder).records
    return folder


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (lambda listed: listed["annotations"][1].update(image_id=99), 1),
        (lambda listed: listed["annotations"][1].update(segmentation=[]), 1),
        (lambda listed: listed["annotations"][1].update(segmentation=None), 1),
        (lambda listed: listed["annotations"][1].pop("segmentation"), 1),
        (lambda listed: listed["annotations"][1].update(segmentation=[[10, 10, 70, 70]]), 1),
        (lambda listed: listed["annotations"][1].update(segmentation=[[50.1, 60.1, 50.2, 60.1, 50.2, 60.2]]), 1),
        (lambda listed: listed["annotations"][1].pop("bbox"), 2),
        (lambda listed: listed["images"].append({"id": 9}), 2),
        (lambda listed: listed["images"].append({"file_name": "nobody-asks.png"}), 2),
    ],
)
def test_what_the_photo_reader_leaves_out_is_not_cut_out(change: Callable, left: int, tmp_path: Path) -> None:
    cutouts = cutouts_of(changed(tmp_path, change))
    assert len(cutouts) == left
    picture = Picture(np.zeros((60, 80, 3), np.uint8), np.zeros((60, 80), np.uint8))
    for cutout in cutouts:
        assert min(cutout.shape[:2]) >= 40
        occluder(picture, np.random.default_rng(0), cutout)


def test_what_is_wrong_with_a_cutout_is_one_line_with_the_file(tmp_path: Path) -> None:
    folder = changed(tmp_path, lambda listed: None)
    listed = json.loads((folder / "instances.json").read_text())
    listed["annotations"][0].update(segmentation="outline")
    (folder / "instances.json").write_text(json.dumps(listed))
    with pytest.raises(ValueError, match=r"instances\.json, annotation 1: no segmentation of COCO"):
        cutouts_of(folder)
    write(folder, [PERSON])
    cv2.imwrite(str(folder / "images" / "a.png"), np.zeros((90, 90, 3), np.uint8))
    with pytest.raises(ValueError, match=r"a\.png: is 90x90, instances\.json says 160x120"):
        cutouts_of(folder)


def test_a_folder_without_images_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no image"):
        photos_of(tmp_path)


def test_photos_that_are_not_learned_are_no_surfaces_either(tmp_path: Path) -> None:
    listed = {"images": [], "categories": [{"id": 1, "name": "person"}], "annotations": []}
    for number in range(40):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((80, 80, 3), number, np.uint8))
        listed["images"].append({"id": number, "file_name": f"{number}.png", "height": 80, "width": 80})
        square = {"segmentation": [[10, 10, 70, 10, 70, 70, 10, 70]], "bbox": [10, 10, 60, 60]}
        listed["annotations"].append({"id": number, "image_id": number, "category_id": 1, **square})
    assert len(photos_of(tmp_path)) == 40
    (tmp_path / "instances.json").write_text(json.dumps(listed))
    learned = {number for number in range(40) if split_of(number) == "train"}
    assert 20 < len(learned) < 40 and {int(path.stem) for path in photos_of(tmp_path)} == learned
    assert {int(cutout[30, 30, 0]) for cutout in cutouts_of(tmp_path)} == learned


def test_photos_of_one_name_in_two_folders_are_two_photos(tmp_path: Path) -> None:
    numbers = {split: next(number for number in range(99) if split_of(number) == split) for split in ("train", "val")}
    listed = {"images": [], "categories": [{"id": 1, "name": "person"}], "annotations": []}
    for value, (split, number) in enumerate(numbers.items(), start=100):
        (tmp_path / "images" / split).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "images" / split / "1.png"), np.full((80, 80, 3), value, np.uint8))
        listed["images"].append({"id": number, "file_name": f"{split}/1.png", "height": 80, "width": 80})
        square = {"segmentation": [[10, 10, 70, 10, 70, 70, 10, 70]]}
        listed["annotations"].append({"id": number, "image_id": number, "category_id": 1, **square})
    (tmp_path / "instances.json").write_text(json.dumps(listed))
    assert photos_of(tmp_path) == [tmp_path / "images" / "train" / "1.png"]
    (cutout,) = cutouts_of(tmp_path)
    assert cutout[30, 30, 0] == 100


def test_hidden_files_are_no_surfaces(photos: list[Path]) -> None:
    (photos[0].parent / "._green.png").write_bytes(b"what macOS writes beside it")
    assert photos_of(photos[0].parent) == photos
