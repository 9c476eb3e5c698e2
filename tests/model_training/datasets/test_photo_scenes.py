"""Photos as scenes: what is said of a piece of one is so in the piece."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from model_training.datasets.photo_scenes import photo_scenes, piece, seen, whole
from model_training.datasets.photos import Photos
from model_training.datasets.rendering import RenderedScene
from tests.model_training.datasets.test_photos import CUPS, write

HEIGHT, WIDTH = 48, 64


@pytest.fixture
def scene(tmp_path: Path) -> RenderedScene:
    reader = Photos(write(tmp_path, [*CUPS, (5, (60, 90, 30, 8), "yellow", False), (2, (0, 0, 90, 30), "blue", True)]))
    (found,) = photo_scenes(reader, reader.splits[0])
    return found


def check(scene: RenderedScene) -> None:
    """The truth of each thing is what its labels show."""
    for thing in scene.objects:
        mask = scene.labels == thing.instance_id
        assert thing.pixels == mask.sum()
        if thing.pixels:
            ys, xs = np.nonzero(mask)
            x, y, w, h = thing.box
            assert (x, y, x + w, y + h) == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)


def test_a_photo_is_a_scene_at_rest(scene: RenderedScene) -> None:
    assert scene.frames.shape == (1, *scene.labels.shape, 3)
    assert [thing.class_name for thing in scene.objects] == ["cup", "cup", "cup", "banana"]
    assert "couch" in scene.vague, "a crowd of them is there"
    check(scene)


def test_whole_has_everything(scene: RenderedScene) -> None:
    seen = whole(scene, HEIGHT, WIDTH, 128)
    assert seen.frames.shape == (1, HEIGHT, WIDTH, 3)
    assert all(thing.pixels and thing.visible_fraction == 1.0 for thing in seen.objects)
    check(seen)


def test_pieces_agree_with_their_labels(scene: RenderedScene) -> None:
    rng, hidden = np.random.default_rng(0), 0
    for _ in range(60):
        seen = piece(scene, HEIGHT, WIDTH, 128, rng)
        assert seen.frames.shape == (1, HEIGHT, WIDTH, 3) and seen.labels.shape == (HEIGHT, WIDTH)
        assert seen.vague == scene.vague
        check(seen)
        for thing in seen.objects:
            mask = cv2.erode((seen.labels == thing.instance_id).astype(np.uint8), np.ones((3, 3)), borderValue=0)
            inside = seen.frames[0][mask > 0]
            if len(inside):  # the colours come along with the labels
                before = scene.frames[0][scene.labels == thing.instance_id].mean(0)
                assert np.abs(np.median(inside, 0) - before).max() < 30
        hidden += sum(thing.visible_fraction < 0.45 for thing in seen.objects)
    assert hidden, "what a piece cuts off is no longer asked for"


def test_labels_lie_where_the_things_are(tmp_path: Path) -> None:
    """Also in a photo that is kept smaller, and in pieces: their centres agree with those of the pixels."""
    reader = Photos(write(tmp_path, CUPS))
    image = cv2.imread(str(tmp_path / "images" / "a.png"))
    large = cv2.resize(image, None, fx=9.2, fy=9.2, interpolation=cv2.INTER_NEAREST)
    cv2.imwrite(str(tmp_path / "images" / "a.png"), large)
    listed = json.loads((tmp_path / "instances.json").read_text())
    listed["images"][0] |= {"height": large.shape[0], "width": large.shape[1]}
    for part in listed["annotations"]:
        part["segmentation"] = [[9.2 * value for value in polygon] for polygon in part["segmentation"]]
    (tmp_path / "instances.json").write_text(json.dumps(listed))
    reader = Photos(tmp_path)
    (scene,) = photo_scenes(reader, reader.splits[0])
    rng, off = np.random.default_rng(0), []
    for shown in [scene, *(piece(scene, HEIGHT, WIDTH, 128, rng) for _ in range(60))]:
        for thing in shown.objects:
            x, y, w, h = thing.box
            rows, columns = shown.labels.shape
            if thing.pixels and min(x, y, columns - 1 - x - w, rows - 1 - y - h) > 1:
                ground = np.array((200, 190, 170), np.float64)  # of `write`
                share = np.abs(shown.frames[0][y - 2 : y + h + 2, x - 2 : x + w + 2] - ground).sum(-1)
                at = np.array([axis.mean() for axis in np.nonzero(shown.labels == thing.instance_id)])
                weights = share / share.sum()
                ys, xs = np.mgrid[y - 2 : y + h + 2, x - 2 : x + w + 2]
                off.append(at - ((weights * ys).sum(), (weights * xs).sum()))
    assert len(off) > 40 and np.abs(np.mean(off, axis=0)).max() < 0.12


def test_a_large_thing_that_the_border_cuts_stays_the_large_one(scene: RenderedScene) -> None:
    labels, cut = np.zeros((2, 100, 200), np.uint8)
    labels[20:80, 60:120], labels[40:70, 150:180] = 1, 2
    cut[20:80, :13], cut[40:70, 150:180] = 1, 2
    whole_ones = seen([replace(thing, instance_id=n) for n, thing in enumerate(scene.objects[:2], 1)], labels)
    large, small = seen(whole_ones, cut, zoom=1.0)
    assert large.visible_fraction == pytest.approx(13 / 60) and large.pixels < small.pixels
    assert large.scale == pytest.approx(2 * small.scale)


def test_what_a_smaller_photo_loses_is_not_there(tmp_path: Path) -> None:
    """A thing of a single pixel is no thing of a picture an eighth as large, and none to divide by."""
    reader = Photos(write(tmp_path, CUPS))
    (scene,) = photo_scenes(reader, reader.splits[0])
    labels = np.zeros((400, 400), np.uint8)
    labels[:200, :200], labels[391, 391] = scene.objects[0].instance_id, scene.objects[1].instance_id
    frames = np.zeros((1, 400, 400, 3), np.uint8)
    things = [replace(thing, pixels=int((labels == thing.instance_id).sum())) for thing in scene.objects[:2]]
    seen = whole(replace(scene, frames=frames, labels=labels, objects=tuple(things)), HEIGHT, WIDTH, 128)
    again = piece(seen, HEIGHT, WIDTH, 128, np.random.default_rng(0))
    assert [thing.pixels for thing in seen.objects][1] == 0
    assert again.objects[1].pixels == 0 and again.objects[1].visible_fraction == 0.0
