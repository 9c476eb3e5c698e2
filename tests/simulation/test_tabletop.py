"""The simulated tabletop: repeatable, settled, and its truth agrees with its pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import pytest

from refseg_ros.simulation.tabletop import CLASSES, COLOURS, HELD_OUT_PAIRS, Frame, ObjectTruth, Tabletop

SIZE = (192, 144)


@pytest.fixture(scope="module")
def tabletop() -> Iterator[Tabletop]:
    with Tabletop(*SIZE) as opened:
        yield opened


@pytest.fixture(scope="module")
def frames(tabletop: Tabletop) -> Callable[..., list[Frame]]:
    """Scenes at rest, by their seeds: `frames(range(8), "train")`. Each is rendered once."""

    @cache
    def frame(seed: int, split: str) -> Frame:
        tabletop.reset(seed, split, moving=False)
        return tabletop.render()

    return lambda seeds, split="train": [frame(seed, split) for seed in seeds]


def _same(first: Frame, second: Frame) -> bool:
    pictures = (first.rgb, second.rgb), (first.depth, second.depth), (first.labels, second.labels)
    return all(np.array_equal(a, b) for a, b in pictures) and first.objects == second.objects


def test_same_seed_gives_the_same_bytes_whatever_came_before(tabletop: Tabletop) -> None:
    def later(scene: Tabletop) -> Frame:
        scene.reset(5, "train", moving=True)
        scene.advance(2.4)
        return scene.render()

    first = later(tabletop)
    tabletop.reset(6)
    tabletop.render()
    assert _same(first, later(tabletop))
    with Tabletop(*SIZE) as other:
        assert _same(first, later(other))
    tabletop.reset(4, "train", moving=True)
    assert not np.array_equal(tabletop.render().rgb, first.rgb)


def test_a_frame_has_the_promised_form(tabletop: Tabletop) -> None:
    tabletop.reset(1)
    tabletop.advance(0.2)
    frame = tabletop.render()
    width, height = SIZE
    assert frame.rgb.shape == (height, width, 3) and frame.rgb.dtype == np.uint8
    assert frame.depth.shape == (height, width) and frame.depth.dtype == np.float32
    assert frame.labels.shape == (height, width) and frame.labels.dtype == np.uint8
    assert (frame.intrinsics.width, frame.intrinsics.height) == SIZE
    assert frame.stamp == pytest.approx(0.2)
    assert 4 <= len(frame.objects) <= 9
    assert [truth.instance_id for truth in frame.objects] == list(range(1, len(frame.objects) + 1))
    assert set(np.unique(frame.labels)) <= {0, *(truth.instance_id for truth in frame.objects)}
    assert not tabletop.render(depth=False).depth.any()


def test_short_steps_of_time_add_up(tabletop: Tabletop) -> None:
    tabletop.reset(1)
    for _ in range(300):
        tabletop.advance(1 / 300)
    assert tabletop.render(depth=False).stamp == pytest.approx(1.0)


def test_boxes_and_pixel_counts_are_those_of_the_labels(frames: Callable[..., list[Frame]]) -> None:
    for frame in frames(range(8)):
        for truth in frame.objects:
            rows, columns = np.nonzero(frame.labels == truth.instance_id)
            assert truth.pixels == len(rows) > 0
            box = (columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)
            assert truth.box == box
            assert 0.0 < truth.visible_fraction <= 1.0


def _points(frame: Frame, truth: ObjectTruth) -> np.ndarray:
    """Back-project the visible pixels of a thing: (N, 3) in the optical frame."""
    rows, columns = np.nonzero(frame.labels == truth.instance_id)
    lens, depth = frame.intrinsics, frame.depth[rows, columns]
    return np.stack([(columns - lens.cx) / lens.fx * depth, (rows - lens.cy) / lens.fy * depth, depth], axis=1)


def test_depth_and_intrinsics_lead_to_the_positions(frames: Callable[..., list[Frame]]) -> None:
    nearer, off = [], []
    for frame in frames(range(12)):
        for truth in frame.objects:
            if truth.visible_fraction > 0.9:
                points, position = _points(frame, truth), np.array(truth.position)
                assert np.linalg.norm(points - position, axis=1).max() < 0.2 * truth.scale  # the largest thing's radius
                nearer.append(position[2] - np.median(points[:, 2]))
                off.append(points.mean(axis=0)[0] - position[0])
    # The camera sees the surface, which is in front of the centre; left and right of it alike.
    assert 0.0 < np.mean(nearer) < 0.05
    assert abs(np.mean(off)) < 0.002


def test_a_ball_is_where_its_pixels_say(frames: Callable[..., list[Frame]]) -> None:
    seen = 0
    for frame in frames(range(40)):
        for truth in frame.objects:
            if truth.class_name == "ball" and truth.visible_fraction > 0.97:
                distances = np.linalg.norm(_points(frame, truth) - truth.position, axis=1)
                assert np.median(distances) == pytest.approx(0.043 * truth.scale, rel=0.12)
                assert np.std(distances) < 0.003
                seen += 1
    assert seen >= 5


def test_the_ground_is_seen_from_the_viewer(frames: Callable[..., list[Frame]]) -> None:
    for frame in frames(range(6)):
        for truth in frame.objects:
            assert truth.ground[0] == pytest.approx(truth.position[0], abs=1e-9)
            assert truth.ground[1] > 0.0
        flat = [truth for truth in frame.objects if truth.class_name in ("plate", "book")]
        for near in flat:
            for far in flat:
                if near.ground[1] < far.ground[1] - 0.05:
                    assert near.position[1] / near.position[2] > far.position[1] / far.position[2]  # lower in the image


def test_things_rest(tabletop: Tabletop) -> None:
    for seed in range(10):
        tabletop.reset(seed, moving=False)
        before = tabletop.render(depth=False)
        tabletop.advance(1.0)
        after = tabletop.render(depth=False)
        for first, second in zip(before.objects, after.objects, strict=True):
            assert first.motion is None and second.motion is None
            assert np.linalg.norm(np.subtract(first.position, second.position)) < 0.01


def test_hidden_things_are_told_by_their_fraction(frames: Callable[..., list[Frame]]) -> None:
    fractions = [truth.visible_fraction for frame in frames(range(25)) for truth in frame.objects]
    assert min(fractions) > 0.3
    assert np.median(fractions) > 0.93
    # A thing half behind another: the fraction follows from the pixels that it has alone.
    assert any(fraction < 0.9 for fraction in fractions)


def test_every_class_and_colour_occurs_and_distractors_are_many(frames: Callable[..., list[Frame]]) -> None:
    classes: Counter[str] = Counter()
    colours: Counter[str] = Counter()
    crowded = sizes = 0
    scenes = frames(range(60))
    for frame in scenes:
        names = Counter(truth.class_name for truth in frame.objects)
        classes += names
        colours += Counter(truth.colour for truth in frame.objects)
        crowded += max(names.values()) >= 3
        for name in names:
            scales = [truth.scale for truth in frame.objects if truth.class_name == name]
            if max(scales) / min(scales) >= 1.4:
                sizes += 1
                break
    assert set(classes) == set(CLASSES) and min(classes.values()) >= 5
    assert set(colours) == set(COLOURS) and min(colours.values()) >= 5
    assert crowded > len(scenes) / 4
    assert sizes > len(scenes) / 2


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_held_out_pairs_are_in_their_split_alone(frames: Callable[..., list[Frame]], split: str) -> None:
    for frame in frames(range(25), split):
        for truth in frame.objects:
            assert ((truth.colour, truth.class_name) in HELD_OUT_PAIRS) == (split == "held_out")


def test_wrong_use_is_told(tabletop: Tabletop) -> None:
    with pytest.raises(ValueError, match='split is "test"'):
        tabletop.reset(0, "test")
    with pytest.raises(ValueError, match="seed is -1"):
        tabletop.reset(-1)
    with pytest.raises(ValueError, match="4 x 400"):
        Tabletop(4, 400)
    tabletop.reset(0)
    with pytest.raises(ValueError, match="go back"):
        tabletop.advance(-0.1)
    with Tabletop(*SIZE) as fresh, pytest.raises(RuntimeError, match="reset first"):
        fresh.render()
