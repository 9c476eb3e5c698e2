"""Frames are where rotations and translations, composed by another library, put them; what is not known is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation, Slerp

from refseg_ros.space import transforms
from refseg_ros.space.pairing import NANOSECONDS
from refseg_ros.space.transforms import MOST_FRAMES, MOST_MOMENTS, TransformError, TransformTree

START = 1_700_000_000 * NANOSECONDS
MILLISECOND = 1_000_000
STILL = (0.0, 0.0, 0.0, 1.0)

numbers = st.floats(-100.0, 100.0)
places = st.tuples(numbers, numbers, numbers)
turns = st.integers(0, 2**32 - 1).map(lambda seed: Rotation.random(rng=np.random.default_rng(seed)))


def matrix(place, turn: Rotation) -> np.ndarray:
    """(4, 4), as SciPy has the rotation."""
    whole = np.eye(4)
    whole[:3, :3], whole[:3, 3] = turn.as_matrix(), place
    return whole


def whole(transform) -> np.ndarray:
    made = np.eye(4)
    made[:3, :3], made[:3, 3] = transform.rotation, transform.translation
    return made


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(places, turns), min_size=4, max_size=4), st.lists(st.booleans(), min_size=4, max_size=4))
def test_frames_are_found_up_and_down_the_tree(poses, static):
    """From the camera to the mug it is two up and two down: map > base > camera, map > table > mug."""
    tree = TransformTree()
    edges = (("map", "base"), ("base", "/camera"), ("/map", "table"), ("table", "mug"))
    for (parent, child), (place, turn), is_static in zip(edges, poses, static, strict=True):
        tree.put(parent, child, START, place, turn.as_quat(), is_static)
    base, camera, table, mug = (matrix(*pose) for pose in poses)
    expected = {
        ("map", "camera"): base @ camera,
        ("camera", "map"): np.linalg.inv(base @ camera),
        ("mug", "camera"): np.linalg.inv(table @ mug) @ base @ camera,
        ("camera", "mug"): np.linalg.inv(base @ camera) @ table @ mug,
        ("base", "base"): np.eye(4),
    }
    for (target, source), wanted in expected.items():
        np.testing.assert_allclose(whole(tree.at(target, source, START)), wanted, atol=1e-9)
    point = np.array([0.1, -0.2, 0.7])
    moved = tree.at("map", "camera", START).move(np.stack([point, point]))
    np.testing.assert_allclose(moved, [(base @ camera @ [*point, 1.0])[:3]] * 2, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.tuples(places, turns), st.tuples(places, turns), st.floats(0.0, 1.0))
def test_between_two_moments_it_moves_along_a_line_and_turns_along_the_shortest_arc(one, other, share):
    tree = TransformTree()
    for number, (place, turn) in enumerate((one, other)):
        # The sign of a quaternion means nothing.
        tree.put("map", "base", START + number * NANOSECONDS, place, turn.as_quat() * (-1) ** number)
    stamp = START + round(share * NANOSECONDS)
    share = (stamp - START) / NANOSECONDS
    turn = Slerp([0.0, 1.0], Rotation.concatenate([one[1], other[1]]))(share)
    place = np.array(one[0]) + share * (np.array(other[0]) - one[0])
    np.testing.assert_allclose(whole(tree.at("map", "base", stamp)), matrix(place, turn), atol=1e-6)


def moving() -> TransformTree:
    """`base` moves 1 m along x within each second, and is known each 100 ms from 0 to 1 s."""
    tree = TransformTree()
    for number in range(11):
        tree.put("map", "base", START + number * 100 * MILLISECOND, (number / 10, 0.0, 0.0), STILL)
    tree.put("base", "camera", 0, (0.0, 0.0, 1.5), STILL, is_static=True)
    return tree


def test_it_is_the_moment_that_counts_and_not_the_latest():
    for milliseconds in (0, 40, 500, 999, 1000):
        found = moving().at("map", "camera", START + milliseconds * MILLISECOND)
        np.testing.assert_allclose(found.translation, [milliseconds / 1000, 0.0, 1.5], atol=1e-9)


def test_before_the_first_and_after_the_last_nothing_is_known():
    with pytest.raises(TransformError, match="'map' to 'base' ends 0.05 s before the moment of the image") as caught:
        moving().at("map", "camera", START + 1050 * MILLISECOND)
    assert caught.value.lag == pytest.approx(0.05)
    with pytest.raises(TransformError, match="'map' to 'base' begins 2 s after") as caught:
        moving().at("map", "camera", START - 2 * NANOSECONDS)
    assert caught.value.lag is None


@pytest.mark.parametrize(
    ("target", "source", "words"),
    [
        ("odom", "camera", "no transform names a frame 'odom'"),
        ("map", "", "no transform names a frame ''"),
        ("map", "lonely", "no transforms connect 'lonely' with 'map'"),
        ("map", "\x1b[2J", r"no transform names a frame '\\x1b\[2J'"),
    ],
)
def test_why_there_is_none_is_said(target, source, words):
    tree = moving()
    tree.put("elsewhere", "lonely", START, (0.0, 0.0, 0.0), STILL)
    with pytest.raises(TransformError, match=words):
        tree.at(target, source, START)


def test_a_circle_is_refused_and_a_new_parent_counts():
    tree = moving()
    tree.put("camera", "map", START, (0.0, 0.0, 0.0), STILL)
    with pytest.raises(TransformError, match="circle"):
        tree.at("map", "camera", START)
    tree.put("world", "map", START, (0.0, 2.0, 0.0), STILL)
    np.testing.assert_allclose(tree.at("world", "camera", START).translation, [0.0, 2.0, 1.5])


def test_a_clock_that_jumps_back_leaves_nothing_of_before():
    tree = moving()
    tree.put("map", "base", 5 * NANOSECONDS, (7.0, 0.0, 0.0), STILL)
    assert tree.at("map", "base", 5 * NANOSECONDS).translation[0] == 7.0
    with pytest.raises(TransformError):
        tree.at("map", "base", START)


def test_what_comes_late_or_twice_takes_its_place():
    tree = TransformTree()
    for milliseconds, x in ((0, 0.0), (200, 2.0), (100, 5.0), (100, 1.0)):
        tree.put("map", "base", START + milliseconds * MILLISECOND, (x, 0.0, 0.0), STILL)
    assert tree.at("map", "base", START + 150 * MILLISECOND).translation[0] == pytest.approx(1.5)


@pytest.mark.parametrize(
    "wrong",
    [
        dict(parent=""),
        dict(child="/"),
        dict(child="map"),
        dict(translation=(0.0, float("nan"), 0.0)),
        dict(translation=(0.0, float("inf"), 0.0)),
        dict(quaternion=(0.0, 0.0, 0.0, 0.0)),
        dict(quaternion=(0.0, 0.0, 0.0, 1.2)),
        dict(quaternion=(float("nan"), 0.0, 0.0, 1.0)),
    ],
)
def test_what_is_no_transform_is_refused_in_one_line(wrong):
    good = dict(parent="map", child="base", stamp=START, translation=(0.0, 0.0, 0.0), quaternion=STILL)
    tree = TransformTree()
    with pytest.raises(TransformError) as caught:
        tree.put(**(good | wrong))
    assert str(caught.value).isprintable()
    assert len(tree) == 0


def test_memory_is_bounded():
    tree = TransformTree()
    for number in range(MOST_MOMENTS + 50):
        tree.put("map", "base", START + number * MILLISECOND, (number, 0.0, 0.0), STILL)
    with pytest.raises(TransformError, match="begins"):
        tree.at("map", "base", START)
    tree.put("map", "base", START + transforms.MEMORY + 2 * NANOSECONDS, (0.0, 0.0, 0.0), STILL)
    with pytest.raises(TransformError, match="begins"):
        tree.at("map", "base", START + (MOST_MOMENTS + 40) * MILLISECOND)
    with pytest.raises(TransformError, match="one more than"):
        for number in range(MOST_FRAMES + 1):
            tree.put("map", f"frame {number}", START + transforms.MEMORY, (0.0, 0.0, 0.0), STILL)
    assert len(tree) == MOST_FRAMES


def test_a_tracker_that_numbers_its_things_for_days_takes_no_place_from_the_robot():
    tree = TransformTree()
    tree.put("base", "camera", 0, (0.0, 0.0, 1.5), STILL, is_static=True)
    for second in range(3 * MOST_FRAMES):
        now = START + second * NANOSECONDS
        tree.put("map", "base", now, (second, 0.0, 0.0), STILL)
        tree.put("map", f"object_{second}", now, (0.0, 0.0, 0.0), STILL)
        assert len(tree) <= MOST_FRAMES
    np.testing.assert_allclose(tree.at("map", "camera", now).translation, [second, 0.0, 1.5])
    tree.at("map", f"object_{second - 1}", now - NANOSECONDS)
    with pytest.raises(TransformError, match="no transform names"):
        tree.at("map", "object_0", now)
