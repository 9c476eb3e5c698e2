"""Masks lifted into space: against the simulator's truth, with noise, and where depth says little or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from refseg_ros.simulation.tabletop import Frame, Tabletop
from refseg_ros.space.lifting import lift
from refseg_ros.space.lifting_error import LiftingError
from refseg_ros.space.oriented_box import OrientedBox
from refseg_ros.space.pinhole import Lens
from refseg_ros.space.transforms import Transform

SEEDS = range(1, 7)
LENS = Lens(320, 240, 300.0, 300.0, 159.5, 119.5)
PITCH = np.radians(40.0)
UP = np.array([0.0, -np.cos(PITCH), -np.sin(PITCH)])
"""Of the scenes made by hand, in the optical frame."""
TABLE = -0.7
"""Their table is p @ UP == TABLE."""


@dataclass(frozen=True)
class Thing:
    """A thing of a simulated scene that nothing hides, and the truth of it in the optical frame."""

    mask: np.ndarray
    boxes: list[tuple[np.ndarray, np.ndarray]]
    """Centre and size of each upright box whose ground plan is hardly larger than the tightest: a mug has two."""
    up: np.ndarray


@pytest.fixture(scope="module")
def scenes() -> list[tuple[Frame, Lens, list[Thing]]]:
    made = []
    with Tabletop(640, 480) as tabletop:
        for seed in SEEDS:
            tabletop.reset(seed, moving=False)
            frame = tabletop.render()
            eye = frame.intrinsics
            lens = Lens(eye.width, eye.height, eye.fx, eye.fy, eye.cx, eye.cy)
            made.append((frame, lens, list(_unhidden(tabletop, frame))))
    return made


def _unhidden(tabletop: Tabletop, frame: Frame) -> Iterator[Thing]:
    camera = tabletop._scene.camera
    for number, truth in enumerate(frame.objects):
        if truth.visible_fraction < 0.95:
            continue
        turn, place = tabletop._data.xmat[number + 1].reshape(3, 3), tabletop._data.xpos[number + 1]
        corners = tabletop._scene.things[number].corners() @ turn.T + place
        low, high = corners[:, 2].min(), corners[:, 2].max()
        boxes = [
            (camera.to_optical(np.array([*middle, (low + high) / 2])), np.array([*sides, high - low]))
            for middle, sides in _tightest(corners[:, :2])
        ]
        yield Thing((frame.labels == truth.instance_id).astype(np.uint8) * 255, boxes, camera.axes[:, 2])


def _tightest(plan: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Middle and sides, the longer first, of the rectangles along an edge of the hull, within 2 % of the least."""
    hull = cv2.convexHull(plan.astype(np.float32))[:, 0].astype(float)
    edges = np.roll(hull, -1, axis=0) - hull
    found = []
    for angle in np.arctan2(edges[:, 1], edges[:, 0]):
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        low, high = (hull @ turn.T).min(axis=0), (hull @ turn.T).max(axis=0)
        found.append(((low + high) / 2 @ turn, np.sort(high - low)[::-1]))
    least = min(sides.prod() for _, sides in found)
    return [(middle, sides) for middle, sides in found if sides.prod() <= 1.02 * least]


def errors(box: OrientedBox, thing: Thing) -> tuple[float, float]:
    """Metres between the centres, and the largest relative error of an edge."""
    return min(
        (float(np.linalg.norm(box.centre - centre)), float(np.abs(box.size / size - 1.0).max()))
        for centre, size in thing.boxes
    )


def disturbed(frame: Frame, thing: Thing, fault: str) -> tuple[np.ndarray, np.ndarray]:
    """Mask and depth as a network and a camera give them."""
    rng = np.random.default_rng(0)
    mask, depth = thing.mask, frame.depth.copy()
    if fault == "noise":  # of a stereo camera: 2 mm at 1 m, growing with the square of the distance, and holes
        depth += rng.normal(0.0, 0.002, depth.shape).astype(np.float32) * depth**2
        depth[rng.random(depth.shape) < 0.03] = np.nan
    elif fault == "large mask":
        mask = cv2.dilate(mask, np.ones((5, 5), np.uint8))
    elif fault == "small mask":
        mask = cv2.erode(mask, np.ones((5, 5), np.uint8))
    return mask, depth


@pytest.mark.parametrize(("fault", "share"), [("", 0.9), ("noise", 0.8), ("large mask", 0.8), ("small mask", 0.7)])
def test_middle_and_size_agree_with_the_truth(scenes, fault: str, share: float):
    """A handle that is turned away cannot be known, nor the back of a thing that has no symmetry."""
    good = []
    for frame, lens, things in scenes[: 3 if fault else None]:
        for thing in things:
            mask, depth = disturbed(frame, thing, fault)
            lifted = lift(mask, depth, lens, frame.rgb)
            off, wrong = errors(lifted.box, thing)
            good.append(off < 0.01 and wrong < 0.15)
    assert len(good) > 10
    assert np.mean(good) >= share


def test_axes_are_a_rotation_that_points_up_and_the_box_holds_the_points(scenes):
    frame, lens, things = scenes[0]
    for thing in things:
        lifted = lift(thing.mask, frame.depth, lens, frame.rgb)
        axes, box = lifted.box.axes, lifted.box
        np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-6)
        assert np.linalg.det(axes) > 0.0
        assert lifted.supported and axes[:, 2] @ thing.up > np.cos(np.radians(1.0))
        inside = np.abs((lifted.points - box.centre) @ axes) <= box.size / 2 + 1e-3
        assert inside.all()
        assert box.size[0] >= box.size[1] > 0.0 < box.size[2]


def test_points_carry_the_colours_of_their_pixels(scenes):
    frame, lens, things = scenes[0]
    lifted = lift(things[0].mask, frame.depth, lens, frame.rgb)
    pixels = np.rint(lens.project(lifted.points.astype(float))).astype(int)
    np.testing.assert_array_equal(lifted.colours, frame.rgb[pixels[:, 1], pixels[:, 0]])
    assert (things[0].mask[pixels[:, 1], pixels[:, 0]] > 0).all()


def test_the_same_input_gives_the_same_box(scenes):
    frame, lens, things = scenes[1]
    first, second = (lift(things[0].mask, frame.depth, lens, frame.rgb).box for _ in range(2))
    np.testing.assert_array_equal(first.size, second.size)
    np.testing.assert_array_equal(first.centre, second.centre)


def _rays() -> np.ndarray:
    rows, columns = np.mgrid[0 : LENS.height, 0 : LENS.width]
    return LENS.rays(columns.ravel(), rows.ravel())


def by_hand(lift_by: float = 0.0, table: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mask, depth and centre of a ball of 5 cm radius, `lift_by` metres above a table that may be missing."""
    rays = _rays()
    depth = TABLE / (rays @ UP) if table else np.full(len(rays), np.nan)
    centre = np.array([0.0, 0.02, 0.0])
    centre[2] = (TABLE + 0.05 + lift_by - centre[1] * UP[1]) / UP[2]
    square = np.einsum("ij,ij->i", rays, rays)
    half = rays @ centre
    hit = half**2 - square * (centre @ centre - 0.05**2)
    mask = hit > 0.0
    depth[mask] = (half[mask] - np.sqrt(hit[mask])) / square[mask]
    shape = (LENS.height, LENS.width)
    return mask.reshape(shape).astype(np.uint8), depth.reshape(shape).astype(np.float32), centre


IMAGE = np.zeros((LENS.height, LENS.width, 3), np.uint8)


def test_a_ball_by_hand():
    mask, depth, centre = by_hand()
    lifted = lift(mask, depth, LENS, IMAGE)
    assert lifted.supported
    assert np.linalg.norm(lifted.box.centre - centre) < 0.005
    np.testing.assert_allclose(lifted.box.size, 0.1, rtol=0.1)


@pytest.mark.parametrize(("lift_by", "table"), [(0.2, True), (0.0, False)], ids=["in the air", "nothing around"])
def test_without_support_the_seen_part_counts_and_it_is_said(lift_by: float, table: bool):
    mask, depth, centre = by_hand(lift_by, table)
    lifted = lift(mask, depth, LENS, IMAGE)
    assert not lifted.supported
    assert np.linalg.norm(lifted.box.centre - centre) < 0.05
    np.testing.assert_allclose(lifted.box.axes.T @ lifted.box.axes, np.eye(3), atol=1e-6)
    assert lifted.box.size[0] == pytest.approx(0.1, rel=0.1)


def test_a_thing_that_is_moved_into_another_frame_is_the_same_thing():
    mask, depth, _ = by_hand()
    thing = lift(mask, depth, LENS, IMAGE)
    turn = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    moved = thing.moved(Transform(turn, np.array([2.0, 3.0, 1.5])))
    x, y, z = thing.box.centre
    np.testing.assert_allclose(moved.box.centre, [2.0 + z, 3.0 - x, 1.5 - y])
    np.testing.assert_allclose(moved.box.axes, turn @ thing.box.axes)
    assert (moved.box.size == thing.box.size).all() and moved.valid_ratio == thing.valid_ratio
    back = (moved.points - [2.0, 3.0, 1.5]) @ turn
    np.testing.assert_allclose(back, thing.points, atol=1e-6)


def test_holes_are_counted_and_do_not_move_the_thing():
    mask, depth, centre = by_hand()
    rng = np.random.default_rng(1)
    holes = rng.random(depth.shape)
    for share, value in ((0.1, np.nan), (0.2, 0.0), (0.3, np.inf), (0.4, -1.0)):
        depth[(holes < share) & (holes >= share - 0.1)] = value
    lifted = lift(mask, depth, LENS, IMAGE)
    assert lifted.valid_ratio == pytest.approx(0.6, abs=0.08)
    assert np.linalg.norm(lifted.box.centre - centre) < 0.01


def test_pixels_that_fly_between_thing_and_table_drop_out():
    mask, depth, centre = by_hand()
    edge = cv2.dilate(mask, np.ones((3, 3), np.uint8)) - cv2.erode(mask, np.ones((3, 3), np.uint8)) > 0
    depth[edge] += np.random.default_rng(2).uniform(0.0, 0.3, edge.sum()).astype(np.float32)
    lifted = lift(mask, depth, LENS, IMAGE)
    assert np.linalg.norm(lifted.box.centre - centre) < 0.01
    np.testing.assert_allclose(lifted.box.size, 0.1, rtol=0.15)


@pytest.mark.parametrize("value", [65.535, 32.767, 10.0, 3.0])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.45])
@pytest.mark.parametrize("scattered", [False, True])
def test_what_lies_metres_behind_is_another_thing(value: float, share: float, scattered: bool):
    """What a driver writes where it does not know (65535 mm), and a wall that is seen through glass."""
    mask, depth, centre = by_hand()
    rows, columns = np.nonzero(mask)
    if scattered:
        far = mask.astype(bool) & (np.random.default_rng(0).random(mask.shape) < share)
    else:
        far = mask.astype(bool) & (np.arange(mask.shape[1]) < np.quantile(columns, share))
    depth[far] = value
    try:
        lifted = lift(mask, depth, LENS, IMAGE)
    except LiftingError as error:
        assert error.kind == "depth" and share > 0.4
        return
    assert np.linalg.norm(lifted.box.centre - centre) < 0.05
    assert (lifted.box.size < 0.15).all()
    assert scattered or lifted.valid_ratio < 0.95  # single pixels are smoothed away


def test_where_more_is_seen_behind_than_of_the_thing_there_is_a_reason():
    mask, depth, _ = by_hand()
    depth[cv2.erode(mask, np.ones((7, 7), np.uint8)) > 0] = 3.0
    with pytest.raises(LiftingError, match=r"the mask shows what is 0\.\d\d and 3\.00 m away; is it glass") as caught:
        lift(mask, depth, LENS, IMAGE)
    assert caught.value.kind == "depth"


@pytest.mark.parametrize("behind", [65.5, 3.0])
@pytest.mark.parametrize("pattern", ["pixels", "columns", "rows"])
def test_of_a_thing_that_is_mostly_seen_through_there_is_a_reason(behind: float, pattern: str):
    """The wires of a basket, and a driver that knows a quarter of the pixels."""
    mask, depth, _ = by_hand()
    rows, columns = np.indices(mask.shape)
    scattered = np.random.default_rng(0).random(mask.shape) < 0.75
    through = {"pixels": scattered, "columns": columns % 4 > 0, "rows": rows % 4 > 0}[pattern]
    depth[through & (mask > 0)] = behind
    with pytest.raises(LiftingError, match=rf"the mask shows what is 0\.\d\d and {behind:.2f} m away; is it glass"):
        lift(mask, depth, LENS, IMAGE)


def test_noise_in_front_of_a_thing_does_not_move_it():
    mask, depth, centre = by_hand()
    depth[np.random.default_rng(0).random(mask.shape) < 0.06] = 0.11
    assert np.linalg.norm(lift(mask, depth, LENS, IMAGE).box.centre - centre) < 0.01


def test_depth_in_millimetres_is_told():
    mask, depth, _ = by_hand()
    with pytest.raises(LiftingError, match=r"known of 0 of .*; of \d+ it is 100 m or more: are these millimetres\?"):
        lift(mask, 1000 * depth, LENS, IMAGE)


@pytest.mark.parametrize("value", [np.nan, 0.0, np.inf, -1.0, 1e30])
def test_without_depth_there_is_no_place_and_it_is_said_why(value: float):
    mask, depth, _ = by_hand()
    depth[:] = value
    with pytest.raises(LiftingError, match="depth is known of 0 of the") as caught:
        lift(mask, depth, LENS, IMAGE)
    assert (caught.value.kind, caught.value.valid_ratio) == ("depth", 0.0)


def test_an_empty_mask_is_refused():
    mask, depth, _ = by_hand()
    with pytest.raises(LiftingError) as caught:
        lift(np.zeros_like(mask), depth, LENS, IMAGE)
    assert caught.value.kind == "empty"


def test_depth_that_is_not_registered_is_refused():
    mask, depth, _ = by_hand()
    with pytest.raises(LiftingError, match="160x120 pixels does not fit the image of 320x240; it must be registered"):
        lift(mask, depth[::2, ::2], LENS, IMAGE)
    with pytest.raises(LiftingError, match="camera_info is for 640x240 pixels, the image has 320x240"):
        lift(mask, depth, replace(LENS, width=640), IMAGE)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_lens_that_puts_points_nowhere_is_refused():
    mask, depth, _ = by_hand()
    for focal in (1e-310, 1e-6):
        with pytest.raises(LiftingError, match="calibration") as caught:
            lift(mask, depth, replace(LENS, fx=focal), IMAGE)
        assert caught.value.kind == "lens"


@settings(max_examples=30, deadline=None)
@example(seed=1753, kind="noise", side=7, unknown=0.1875)  # no two pixels of one surface
@given(
    st.integers(0, 2**31),
    st.sampled_from(["plane", "noise", "one value", "few values"]),
    st.integers(1, 80),
    st.floats(0.0, 1.0),
)
def test_any_mask_and_depth_give_a_box_or_a_reason(seed: int, kind: str, side: int, unknown: float):
    rng = np.random.default_rng(seed)
    shape = (LENS.height, LENS.width)
    depth = {
        "plane": (TABLE / (_rays() @ UP)).reshape(shape),
        "noise": rng.uniform(-1.0, 5.0, shape),
        "one value": np.full(shape, 1.5),
        "few values": rng.choice([0.0, 0.5, 2.0, np.nan, np.inf, 99.0], shape),
    }[kind].astype(np.float32)
    depth[rng.random(shape) < unknown] = np.nan
    row, column = rng.integers(0, shape[0] - 1), rng.integers(0, shape[1] - 1)
    mask = np.zeros(shape, np.uint8)
    mask[row : row + side, column : column + side] = 255
    try:
        lifted = lift(mask, depth, LENS, IMAGE)
    except LiftingError as error:
        assert str(error).isprintable()
        return
    box = lifted.box
    assert all(np.isfinite(values).all() for values in (box.centre, box.axes, box.size, lifted.points))
    assert (box.size >= 0.0).all() and 0.0 < lifted.valid_ratio <= 1.0
    assert len(lifted.points) == len(lifted.colours) > 0
