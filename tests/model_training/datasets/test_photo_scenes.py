"""Photos as scenes: what is said of a piece of one is so in the piece."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from model_training.datasets.photo_scenes import photo_scenes, piece, whole
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
