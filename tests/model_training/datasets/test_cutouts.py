"""Things cut out of photos: what is said of the photo that they lie on is so there."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from model_training.datasets.cutouts import MOST, Cutouts
from model_training.datasets.photo_scenes import photo_scenes
from model_training.datasets.photos import Photos
from model_training.datasets.rendering import RenderedScene
from tests.model_training.datasets.test_photo_scenes import check
from tests.model_training.datasets.test_photos import CUPS, write


def photo(folder: Path, things: list[tuple[int, tuple[int, int, int, int], str, bool]]) -> RenderedScene:
    reader = Photos(write(folder, things))
    (scene,) = photo_scenes(reader, reader.splits[0])
    return scene


def test_what_is_laid_over_a_photo_is_its_truth(tmp_path: Path) -> None:
    scene = photo(tmp_path, [*CUPS, (5, (60, 90, 30, 8), "yellow", False)])
    cutouts, rng = Cutouts([scene]), np.random.default_rng(0)
    added, covered = [], 0
    for _ in range(60):
        seen = cutouts.laid_over(scene, rng)
        check(seen)
        new = seen.objects[len(scene.objects) :]
        added.append(len(new))
        for thing in new:
            (origin,) = {each.class_name: each for each in scene.objects if each.colour == thing.colour}.values()
            assert (thing.class_name, thing.names) == (origin.class_name, origin.names)
            if thing.pixels > 60:  # its colours came along
                before = np.median(scene.frames[0][scene.labels == origin.instance_id], 0)
                assert np.abs(np.median(seen.frames[0][seen.labels == thing.instance_id], 0) - before).max() < 30
        for old, thing in zip(scene.objects, seen.objects, strict=False):
            share = thing.pixels / old.pixels
            assert abs(thing.visible_fraction - share * old.visible_fraction) < 1e-6
            covered += share < 1
    assert set(added) == set(range(MOST + 1)) and covered


def test_a_thing_that_the_edge_cuts_off_is_not_cut_out(tmp_path: Path) -> None:
    scene = photo(tmp_path, [(5, (0, 30, 40, 40), "yellow", False)])
    assert not any(Cutouts([scene]).laid_over(scene, np.random.default_rng(seed)).objects[1:] for seed in range(20))
