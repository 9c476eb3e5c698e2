"""Moves things: rolling, sliding, falling, pushed. `paths.py` plans which thing moves where.

A rolling or sliding thing gets an initial velocity and a friction that brings it to rest after `duration` seconds. A
force keeps a pushed thing at its velocity. A falling thing is braked, as if by a parachute, so that a slow camera sees
it.
"""

from __future__ import annotations

from collections.abc import Iterable

import mujoco
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from refseg_ros.simulation.paths import Motion, Planner
from refseg_ros.simulation.scene import Scene

Array = NDArray[np.float64]
STILL = 0.05  # m/s: slower things count as not moving
SECONDS_BETWEEN = 2.0  # after this time something is set in motion again

_GRAVITY = 9.81  # m/s2
_GRIP = 60.0  # 1/s, how stiffly a force holds a velocity
_STRONGEST_PUSH = 0.9  # of the thing's weight
_PUSHED_FRICTION = 0.1
_LANDED = 0.004  # metres above the table
_ROLLING_INERTIA = {"any": 1.4, "z": 1.5, "y": 1.7}  # (I + m r2) / (m r2): ball, cylinder, thick ring


class Mover:
    """Sets things in motion and keeps them moving; thing i of the scene is body i + 1 of the model."""

    def __init__(self, scene: Scene, model: mujoco.MjModel, data: mujoco.MjData, rng: Generator) -> None:
        self._things, self._model, self._data, self._rng = scene.things, model, data, rng
        self._planner = Planner(scene, data, rng)
        self._friction = model.geom_friction.copy()
        self._motions: dict[int, Motion] = {}
        self._began: dict[int, float] = {}  # when each motion began, seconds of the physics
        self._waiting: list[tuple[float, Motion]] = []  # motions that begin later, and when

    def start(self, may_fall: bool, spread: float = 0.0) -> None:
        """End the current motions and set 1 to 3 things in motion; only `may_fall` lets a thing be lifted to fall.

        With a `spread` there are 2 or 3, and each begins at a time of its own within so many seconds.
        """
        self._release(tuple(self._motions))
        self._waiting.clear()
        wanted = 2 + int(self._rng.integers(2)) if spread else 1 + int(self._rng.integers(3))
        planned: set[int] = set()
        for thing, direction in self._planner.candidates():
            if len(planned) >= wanted:
                break
            if thing in planned:
                continue
            motion = self._planner.plan(thing, direction, may_fall)
            if motion is not None:
                planned.add(thing)
                if spread:
                    self._waiting.append((self._data.time + float(self._rng.uniform(0.0, spread)), motion))
                else:
                    self._begin(motion)

    def drive(self) -> None:
        """Set the forces for the next step of physics; call before every step."""
        due = [motion for time, motion in self._waiting if time <= self._data.time]
        self._waiting = [(time, motion) for time, motion in self._waiting if time > self._data.time]
        for motion in due:
            self._begin(motion)
        for thing, motion in tuple(self._motions.items()):
            age = self._data.time - self._began[thing]
            if motion.kind not in ("pushed", "falling"):
                continue
            if age > motion.duration or (motion.kind == "falling" and self._planner.lowest(thing) < _LANDED):
                self._release((thing,))
                continue
            mass = float(self._model.body_mass[thing + 1])
            force = mass * _GRIP * (motion.velocity - self._data.qvel[6 * thing : 6 * thing + 3])
            if motion.kind == "falling":
                force[2] += mass * _GRAVITY
            else:
                force[2] = 0.0
                force *= min(1.0, _STRONGEST_PUSH * mass * _GRAVITY / max(float(np.linalg.norm(force)), 1e-9))
            self._data.xfrc_applied[thing + 1, :3] = force

    def kind(self, thing: int, velocity: Array) -> str | None:
        """Return how a thing moves now, from its velocity in the world (3,) and its spin; None if it is still."""
        speed = float(np.linalg.norm(velocity))
        if speed < STILL:
            return None
        motion = self._motions.get(thing)
        if motion is not None and motion.kind in ("pushed", "falling"):
            return motion.kind
        if velocity[2] < -0.6 * speed:
            return "falling"
        spin = np.zeros(3)
        mujoco.mju_rotVecQuat(spin, self._spin(thing), self._quaternion(thing))
        rolling_speed = float(np.linalg.norm(spin[:2])) * self._things[thing].rolling_radius()
        return "rolling" if self._things[thing].pose.rolls and rolling_speed > 0.5 * speed else "sliding"

    def _quaternion(self, thing: int) -> Array:
        quaternion: Array = self._data.qpos[7 * thing + 3 : 7 * thing + 7]
        return quaternion

    def _spin(self, thing: int) -> Array:
        """Return the angular velocity in the thing's own axes, rad/s; writing to it sets it."""
        spin: Array = self._data.qvel[6 * thing + 3 : 6 * thing + 6]
        return spin

    def _begin(self, motion: Motion) -> None:
        thing = motion.thing
        self._motions[thing], self._began[thing] = motion, self._data.time
        self._data.qpos[7 * thing + 2] += motion.lift
        self._data.qvel[6 * thing : 6 * thing + 6] = 0.0
        self._data.qvel[6 * thing : 6 * thing + 3] = motion.velocity
        geoms = self._model.geom_bodyid == thing + 1
        slowing = float(np.linalg.norm(motion.velocity)) / motion.duration / _GRAVITY  # in units of gravity
        if motion.kind == "pushed":
            self._model.geom_friction[geoms, 0] = _PUSHED_FRICTION
        elif motion.kind == "sliding":
            self._model.geom_friction[geoms, 0] = slowing
        elif motion.kind == "rolling":
            radius = self._things[thing].rolling_radius()
            self._model.geom_friction[geoms, 2] = _ROLLING_INERTIA[self._things[thing].pose.rolls] * slowing * radius
            back = np.zeros(4)
            mujoco.mju_negQuat(back, self._quaternion(thing))
            mujoco.mju_rotVecQuat(self._spin(thing), np.cross([0.0, 0.0, 1.0], motion.velocity) / radius, back)
        mujoco.mj_forward(self._model, self._data)

    def _release(self, things: Iterable[int]) -> None:
        for thing in things:
            del self._motions[thing]
            self._data.xfrc_applied[thing + 1] = 0.0
            geoms = self._model.geom_bodyid == thing + 1
            self._model.geom_friction[geoms] = self._friction[geoms]
