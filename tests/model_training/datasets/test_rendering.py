"""Rendering to shards: only what is missing, nothing half-written, and a broken shard is named."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from model_training.datasets.rendering import (
    SCENES_PER_SHARD,
    RenderedScene,
    SceneSet,
    Studio,
    draw_scene,
    load_shards,
    render_shards,
)
from refseg_ros.simulation.tabletop import Tabletop
from tests.model_training import tiny
from tests.simulation.mesh_writers import kitchen

SCENES = tiny.CONFIG.scenes


def check_same(ours: RenderedScene, theirs: RenderedScene) -> None:
    assert np.array_equal(ours.frames, theirs.frames) and np.array_equal(ours.labels, theirs.labels)
    assert ours.objects == theirs.objects


def test_shards_hold_each_scene_of_the_set(scenes: list[RenderedScene]) -> None:
    assert len(scenes) == SCENES.scenes
    assert {len(scene.frames) for scene in scenes} == {1, SCENES.clip}
    with Tabletop(SCENES.width, SCENES.height) as tabletop:
        for number in (0, 1, SCENES.scenes - 1):
            check_same(draw_scene(tabletop, SCENES, SCENES.first_seed + number), scenes[number])
    for scene in scenes:
        assert scene.frames.shape[1:] == (SCENES.height, SCENES.width, 3) and scene.frames.dtype == np.uint8
        assert scene.labels.shape == (SCENES.height, SCENES.width) and scene.labels.dtype == np.uint8
        assert set(np.unique(scene.labels)) - {0} == {thing.instance_id for thing in scene.objects if thing.pixels}
        if len(scene.frames) == 1:
            assert all(np.hypot.reduce(thing.velocity) < 0.05 for thing in scene.objects)


def test_only_missing_shards_are_rendered(tmp_path: Path) -> None:
    wanted = replace(SCENES, scenes=2 * SCENES_PER_SHARD + 1)
    names = [f"{wanted.name}-0000{rest}" for rest in ("0", "1", "2-1")]
    kept = [tmp_path / f"{name}.npz" for name in names[:2]]
    for path in kept:
        path.write_text("rendered before")
    gone = subprocess.Popen(["true"])
    gone.wait()
    (tmp_path / f".{names[2]}.{gone.pid}.partial.npz").write_text("what a killed process left")
    paths = render_shards(wanted, tmp_path, workers=1)
    assert [path.name for path in paths] == [f"{name}.npz" for name in names]
    assert [path.read_text() for path in kept] == ["rendered before"] * 2
    assert sorted(os.listdir(tmp_path)) == [path.name for path in paths]
    (last,) = load_shards(paths[2:])
    with Tabletop(wanted.width, wanted.height) as tabletop:
        check_same(last, draw_scene(tabletop, wanted, 2 * SCENES_PER_SHARD))
    before = paths[2].stat().st_mtime_ns
    assert render_shards(wanted, tmp_path, workers=1, rank=1, ranks=2) == paths
    assert paths[2].stat().st_mtime_ns == before


def test_a_short_shard_is_not_taken_for_a_larger_set(tmp_path: Path) -> None:
    resting = replace(SCENES, moving_share=0.0)
    for count in (1, 3):
        shards = render_shards(replace(resting, scenes=count), tmp_path, workers=0)
        assert len(list(load_shards(shards))) == count


def test_two_commands_may_render_the_same_scenes_at_once(tmp_path: Path) -> None:
    few, ours = replace(SCENES, scenes=4), []
    other = threading.Thread(target=lambda: ours.extend(render_shards(few, tmp_path, workers=1)))
    other.start()
    theirs = render_shards(few, tmp_path, workers=1)
    other.join()
    assert ours == theirs and len(list(load_shards(ours))) == 4
    assert os.listdir(tmp_path) == [ours[0].name]


@contextmanager
def killer(deaths: int) -> Iterator[list[int]]:
    """Kill that many of the processes that this one starts meanwhile; give the list of those that were."""
    killed: list[int] = []
    done = threading.Event()

    def kill() -> None:
        while len(killed) < deaths and not done.wait(0.05):
            for process in multiprocessing.active_children():
                if process.pid not in killed and len(killed) < deaths:
                    process.kill()
                    killed.append(process.pid)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        done.set()
        thread.join()


def test_a_rendering_process_that_is_killed_costs_nothing_but_time(data: Path, tmp_path: Path) -> None:
    with killer(2) as killed:
        ours = render_shards(SCENES, tmp_path, workers=1)
    assert len(killed) == 2
    for one, other in zip(load_shards(ours), load_shards(render_shards(SCENES, data, workers=1)), strict=True):
        check_same(one, other)
    assert os.listdir(tmp_path) == [ours[0].name]


def test_rendering_ends_where_each_process_is_killed(tmp_path: Path) -> None:
    message = f"{tmp_path}: rendering processes died 3 times without a new shard; .* Fewer --workers need less memory"
    with killer(100) as killed, pytest.raises(OSError, match=message):
        render_shards(SCENES, tmp_path, workers=1)
    assert len(killed) == 3
    assert os.listdir(tmp_path) == []


def test_scans_have_the_name_of_what_is_in_their_files(tmp_path: Path) -> None:
    """Each change below leaves all file names and sizes as they are."""
    objects, photos = kitchen(tmp_path / "kitchen"), tmp_path / "photos"
    photos.mkdir()
    (photos / "bench.bmp").write_bytes(cv2.imencode(".bmp", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    (objects / "objects.json").write_text('[{"id": "ball", "noun": "ball"}, {"id": "red_box", "noun": "box"}]')
    picture = objects / "red_box" / "mesh.bmp"  # a BMP of so many pixels has always the same size
    (objects / "red_box" / "mesh.png").unlink()

    def paint(blue: int) -> None:
        picture.write_bytes(cv2.imencode(".bmp", np.full((8, 8, 3), (blue, 0, 0), np.uint8))[1].tobytes())

    def edit(path: Path, old: bytes, new: bytes) -> None:
        path.write_bytes(path.read_bytes().replace(old, new))

    def name() -> str:
        return Studio(objects, (photos,)).name

    paint(200)
    first = name()
    assert name() == first
    changes = [
        partial(edit, objects / "ball.stl", b"\x0a\xd7#=", b"\x0a\xd7#<"),
        partial(edit, objects / "objects.json", b'"ball"}', b'"bowl"}'),
        partial(paint, 100),
    ]
    for change in changes:
        files = sorted((str(path), path.stat().st_size) for path in tmp_path.rglob("*.*"))
        change()
        assert sorted((str(path), path.stat().st_size) for path in tmp_path.rglob("*.*")) == files
        assert name() != first
        first = name()
    (photos / "bench.bmp").write_bytes(cv2.imencode(".bmp", np.zeros((9, 9, 3), np.uint8))[1].tobytes())
    assert name() != first


def test_a_broken_shard_is_named(data: Path, tmp_path: Path) -> None:
    (whole,) = render_shards(SCENES, data, workers=1)
    content = whole.read_bytes()
    with np.load(whole) as shard:
        np.savez(tmp_path / "without-truth.npz", **{name: shard[name] for name in ("rgb", "labels", "offsets")})
    broken = {"empty": b"", "text": b"rendered before", "cut": content[: len(content) // 2], "short": content[:-1]}
    broken["changed"] = content[:5000] + b"\x00\xff" + content[5002:]
    for name, part in broken.items():
        (tmp_path / f"{name}.npz").write_bytes(part)
    for name in ("without-truth", *broken):
        with pytest.raises(ValueError, match=rf"{name}\.npz: not a whole shard .*; delete it and it is rendered again"):
            list(load_shards([whole, tmp_path / f"{name}.npz"]))


@pytest.mark.parametrize(
    "other",
    [
        replace(SCENES, width=80), replace(SCENES, height=64), replace(SCENES, clip=4), replace(SCENES, first_seed=7),
        replace(SCENES, split="held_out"), replace(SCENES, moving_share=0.25), replace(SCENES, interval=(0.1, 0.3)),
    ],
)  # fmt: skip
def test_other_pictures_have_another_name(other: SceneSet) -> None:
    assert other.name != SCENES.name
