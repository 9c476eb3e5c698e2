"""Plans motions: which thing moves, how and where, so that it stays in view and has some free way."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from refseg_ros.simulation.scene import Scene

Array = NDArray[np.float64]

_VIEW_DIRECTIONS = ((-1.0, 0.0), (1.0, 0.0), (0.0, 1.0), (0.0, -1.0))  # (right, away) as the viewer sees the table
_CLEARANCE = 0.015  # metres that a path keeps from other things
_SHORTEST_WAY = 0.13  # metres
_LIFTS = (0.34, 0.28, 0.22, 0.17)  # metres to fall; the first that stays in view is taken
_SHARE_OF_PAIRS = 0.6  # share of starts that first try two things of one class in opposite directions
_SHARE_OF_ROLLERS = 0.4  # share of starts that try things that can roll before the others
_SHARE_OF_FALLS = 0.15
_SHARE_OF_PUSHES = 0.4  # among what slides


@dataclass(frozen=True)
class Motion:
    """One thing's motion: kind, initial velocity in the world (m/s), duration (s), metres that it is lifted first."""

    thing: int
    kind: str
    velocity: Array
    duration: float
    lift: float = 0.0


class Planner:
    """Plans from the current poses of the things; thing i of the scene is body i + 1 of the physics' state."""

    def __init__(self, scene: Scene, data: mujoco.MjData, rng: Generator) -> None:
        self._things, self._camera, self._data, self._rng = scene.things, scene.camera, data, rng
        self._reach = [thing.reach() for thing in scene.things]

    def candidates(self) -> list[tuple[int, Array]]:
        """Return (thing, direction in the world) in the order to try: every thing in all four directions of the view.

        Often two things of the same class in opposite directions come first, or things that can roll.
        """
        things, rng = self._things, self._rng
        order: list[tuple[int, Array]] = []
        names = [thing.class_name for thing in things]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated and rng.uniform() < _SHARE_OF_PAIRS:
            chosen = repeated[int(rng.integers(len(repeated)))]
            pair = rng.permutation([i for i, name in enumerate(names) if name == chosen])
            first, second = int(pair[0]), int(pair[1])
            way = self._direction(int(rng.integers(4)))
            order += [(first, way), (first, -way), (second, -way), (second, way)]
        others = [int(thing) for thing in rng.permutation(len(things))]
        if rng.uniform() < _SHARE_OF_ROLLERS:
            others.sort(key=lambda thing: not things[thing].pose.rolls)
        for thing in others:
            order += [(thing, self._direction(int(way))) for way in rng.permutation(4)]
        return order

    def plan(self, thing: int, direction: Array, may_fall: bool) -> Motion | None:
        """Return a motion of a thing along a direction, or near it if it rolls about an axis; None without room."""
        rng, rolls = self._rng, self._things[thing].pose.rolls
        duration = float(rng.uniform(1.2, 1.9))
        if may_fall and rng.uniform() < _SHARE_OF_FALLS:
            return self._plan_fall(thing, float(rng.uniform(0.16, 0.26)))
        if rolls and rng.uniform() < 0.85:
            kind = "rolling"
            if rolls != "any":
                axle = self._pose(thing)[1][:, "xyz".index(rolls)] * [1.0, 1.0, 0.0]
                if float(np.linalg.norm(axle)) < 0.9:
                    return None  # it no longer lies as it was put
                across = np.cross(axle / np.linalg.norm(axle), [0.0, 0.0, 1.0])
                direction = across if across @ direction > 0 else -across
        else:
            kind = "pushed" if rng.uniform() < _SHARE_OF_PUSHES else "sliding"
        distance = self._free_way(thing, direction, float(rng.uniform(0.22, 0.42)))
        if distance < _SHORTEST_WAY:
            return None
        speed = distance / duration * (1.0 if kind == "pushed" else 2.0)  # the others slow down evenly to rest
        return Motion(thing, kind, float(np.clip(speed, 0.12, 0.58)) * direction, duration)

    def lowest(self, thing: int) -> float:
        """Return the height of a thing's lowest point above the table, metres."""
        place, turn = self._pose(thing)
        return float((self._things[thing].corners() @ turn.T)[:, 2].min() + place[2])

    def _pose(self, thing: int) -> tuple[Array, Array]:
        return self._data.xpos[thing + 1].copy(), self._data.xmat[thing + 1].reshape(3, 3).copy()

    def _direction(self, way: int) -> Array:
        right, away = _VIEW_DIRECTIONS[way]
        turn = float(self._rng.normal(0.0, 0.15))
        right, away = right * np.cos(turn) - away * np.sin(turn), right * np.sin(turn) + away * np.cos(turn)
        direction: Array = right * self._camera.axes[0] + away * self._camera.away
        return direction

    def _plan_fall(self, thing: int, speed: float) -> Motion | None:
        place, turn = self._pose(thing)
        corners = self._things[thing].corners() @ turn.T + place
        project = self._camera.project
        others = np.array([project(self._pose(o)[0]) for o in range(len(self._things)) if o != thing])
        for lift in _LIFTS:
            pixels = project(corners + [0.0, 0.0, lift])
            low, high = pixels.min(axis=0), pixels.max(axis=0)
            hides = np.any(np.all((others > low) & (others < high), axis=1))
            if low[1] > 0.02 * self._camera.intrinsics.height and not hides:
                return Motion(thing, "falling", np.array([0.0, 0.0, -speed]), lift / speed + 0.5, lift)
        return None

    def _free_way(self, thing: int, direction: Array, most: float) -> float:
        """Return how far a thing can go before it meets another or the image's border, at most `most` metres."""
        place = self._pose(thing)[0]
        size = np.array([self._camera.intrinsics.width, self._camera.intrinsics.height])
        others = [(self._pose(o)[0], self._reach[o]) for o in range(len(self._things)) if o != thing]
        for step in np.arange(0.02, most, 0.02):
            spot = place + step * direction
            pixel = self._camera.project(spot)
            inside = np.all(pixel > 0.07 * size) and np.all(pixel < size - 0.07 * size)
            near = any(
                np.hypot(*(spot - other)[:2]) < self._reach[thing] + reach + _CLEARANCE
                and np.hypot(*(spot - other)[:2]) < np.hypot(*(place - other)[:2])
                for other, reach in others
            )
            if near or not inside:
                return float(step) - 0.02
        return most
