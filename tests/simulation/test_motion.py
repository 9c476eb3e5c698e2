"""Things in motion: what the truth says of them is what they do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from refseg_ros.simulation.motion import STILL
from refseg_ros.simulation.tabletop import Tabletop


@pytest.fixture(scope="module")
def tabletop() -> Iterator[Tabletop]:
    with Tabletop(96, 72) as opened:
        yield opened


def test_velocity_is_the_change_of_position(tabletop: Tabletop) -> None:
    step = 0.004  # seconds, the physics' own
    for seed in range(6):
        tabletop.reset(seed, moving=True)
        for _ in range(4):
            tabletop.advance(0.16)
            before = tabletop.render(depth=False)
            tabletop.advance(step)
            after = tabletop.render(depth=False)
            for first, second in zip(before.objects, after.objects, strict=True):
                moved = np.subtract(second.position, first.position) / step
                assert moved == pytest.approx(second.velocity, abs=0.01)


def test_motion_is_named_when_and_only_when_there_is_speed(tabletop: Tabletop) -> None:
    for seed in range(8):
        tabletop.reset(seed, moving=True)
        tabletop.advance(0.6)
        for truth in tabletop.render(depth=False).objects:
            speed = float(np.linalg.norm(truth.velocity))
            assert (truth.motion is None) == (speed < STILL)


def test_all_kinds_and_directions_occur_at_the_end_of_a_clip(tabletop: Tabletop) -> None:
    kinds: Counter[str] = Counter()
    ways: Counter[str] = Counter()
    speeds, still, scenes = [], 0, 40
    for seed in range(scenes):
        tabletop.reset(seed, moving=True)
        tabletop.advance(0.6)
        frame = tabletop.render(depth=False)
        moving = [truth for truth in frame.objects if truth.motion is not None]
        still += not moving
        for truth in moving:
            right, down, forward = truth.velocity
            kinds[str(truth.motion)] += 1
            speeds.append(float(np.linalg.norm(truth.velocity)))
            if truth.motion == "falling":
                assert down > 0.0
            elif abs(right) > abs(forward):
                ways["right" if right > 0 else "left"] += 1
            else:
                ways["away" if forward > 0 else "towards"] += 1
        assert len(moving) < len(frame.objects)
    assert set(kinds) == {"rolling", "sliding", "falling", "pushed"} and min(kinds.values()) >= 3
    assert set(ways) == {"left", "right", "away", "towards"} and min(ways.values()) >= 5
    assert still <= scenes // 10
    assert np.quantile(speeds, 0.05) > 0.08 and np.quantile(speeds, 0.95) < 0.6


def test_something_moves_again_after_two_seconds(tabletop: Tabletop) -> None:
    for seed in (0, 1, 2):
        tabletop.reset(seed, moving=True)
        for _ in range(3):
            tabletop.advance(2.0)
            assert any(truth.motion for truth in tabletop.render(depth=False).objects)


def test_things_stay_on_the_table_and_mostly_in_view(tabletop: Tabletop) -> None:
    seen = lost = 0
    for seed in range(8):
        tabletop.reset(seed, moving=True)
        tabletop.advance(5.0)
        for truth in tabletop.render(depth=False).objects:
            seen += 1
            lost += truth.pixels == 0
            assert np.linalg.norm(truth.position) < 2.5
    assert lost <= 0.1 * seen


def test_whether_a_scene_moves_is_decided_by_the_seed(tabletop: Tabletop) -> None:
    moving = 0
    for seed in range(30):
        tabletop.reset(seed)
        moving += any(truth.motion for truth in tabletop.render(depth=False).objects)
    assert 8 <= moving <= 22
