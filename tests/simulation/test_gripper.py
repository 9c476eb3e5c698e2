"""The gripper on rails takes what is put between its fingers, and is not seen by the truth of a scene."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from refseg_ros.simulation.gripper import WIDEST, Gripper
from refseg_ros.simulation.tabletop import Tabletop

STEP = 0.02


class Rig:
    """A table with a gripper."""

    def __init__(self) -> None:
        self.gripper = Gripper()
        self.tabletop = Tabletop(96, 72, equip=self.gripper.equip)

    def show(self, seed: int) -> None:
        self.tabletop.reset(seed, "train", moving=False)
        self.gripper.wake(self.tabletop.physics)

    def let(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP)):
            self.gripper.drive(STEP)
            self.tabletop.advance(STEP)

    def place_of(self, number: int) -> np.ndarray:
        return self.tabletop.physics[1].xipos[number].copy()


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.tabletop.close()


def test_it_waits_out_of_sight_and_changes_nothing(rig: Rig) -> None:
    rig.show(3)
    ours = rig.tabletop.render()
    with Tabletop(96, 72) as alone:
        alone.reset(3, "train", moving=False)
        theirs = alone.render()
    assert np.array_equal(ours.labels, theirs.labels) and ours.objects == theirs.objects
    assert np.abs(ours.rgb.astype(int) - theirs.rgb).mean() < 1.0  # but for its shadow
    rig.let(1.0)
    assert rig.gripper.state.opening == pytest.approx(WIDEST, abs=0.001)


def test_it_goes_where_it_is_sent_and_is_in_no_label(rig: Rig) -> None:
    rig.show(3)
    wanted = np.array([0.05, -0.04, 0.30])
    rig.gripper.move(wanted, 0.7)
    rig.gripper.open(0.08)
    rig.let(4.0)
    state = rig.gripper.state
    assert state.position == pytest.approx(wanted, abs=0.005)
    assert (state.turn, state.opening) == pytest.approx((0.7, 0.08), abs=0.01)
    frame = rig.tabletop.render()
    assert set(np.unique(frame.labels)) <= {0, *(thing.instance_id for thing in frame.objects)}


@pytest.mark.parametrize("seed", [0, 10])
def test_a_mug_between_the_fingers_is_lifted_and_let_go(rig: Rig, seed: int) -> None:
    rig.show(seed)
    number = next(thing.instance_id for thing in rig.tabletop.render().objects if thing.class_name == "mug")
    before = rig.place_of(number)
    turn = rig.tabletop.physics[1].xmat[number].reshape(3, 3)
    yaw = float(np.arctan2(turn[1, 0], turn[0, 0]))  # across the handle
    for height, opening, seconds in ((0.35, WIDEST, 4), (0.02, WIDEST, 1.5), (0.02, 0.0, 1.5), (0.32, 0.0, 1.5)):
        rig.gripper.move(np.array([*before[:2], height]), yaw)
        rig.gripper.open(opening)
        rig.let(seconds)
    assert rig.place_of(number)[2] - before[2] > 0.25 and rig.gripper.state.opening > 0.05
    rig.gripper.open(WIDEST)
    rig.let(1.0)
    assert rig.place_of(number)[2] - before[2] < 0.05


def test_with_nothing_between_them_the_fingers_close(rig: Rig) -> None:
    rig.show(3)
    rig.gripper.open(-1.0)
    rig.let(1.5)
    assert rig.gripper.state.opening < 0.002
