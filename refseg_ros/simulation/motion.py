"""Setting things in motion: rolling, sliding, falling, pushed, in directions that the camera can tell apart.

A rolling or sliding thing gets a first velocity and a friction that brings it to rest after `duration` seconds. A pushed
one is held at its velocity by a force. A falling one is braked, as if by a parachute, so that a slow camera sees it fall.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from refseg_ros.simulation.scene import Scene, Thing

Array = NDArray[np.float64]
GRAVITY = 9.81  # m/s2
STILL = 0.05  # m/s: slower things count as not moving
SECONDS_BETWEEN = 2.0  # after this time something is set in motion again

_GRIP = 60.0  # 1/s, how stiffly a force holds a velocity
_ROLLING_INERTIA = {"any": 1.4, "axis": 1.5, "side": 1.7}  # (I + m r2) / (m r2): ball, cylinder, ring
_PUSHED_FRICTION = 0.1
_CLEARANCE = 0.015  # metres that a path keeps from other things
_VIEW_DIRECTIONS = ((-1.0, 0.0), (1.0, 0.0), (0.0, 1.0), (0.0, -1.0))  # (right, away)


@dataclass(frozen=True)
class Motion:
    """One thing's motion: its kind, first velocity in the world (m/s), duration (s), and the radius that it rolls on (m)."""

    thing: int
    kind: str
    velocity: Array
    duration: float
    radius: float = 0.0


class Mover:
    """Plans and drives the motions of a scene's things; thing i of the scene is body i + 1 of the model."""

    def __init__(self, scene: Scene, model: mujoco.MjModel, data: mujoco.MjData, rng: Generator) -> None:
        self._scene, self._model, self._data, self._rng = scene, model, data, rng
        self._reach = [_reach(thing) for thing in scene.things]
        self._friction = model.geom_friction.copy()
        self._motions: dict[int, Motion] = {}
        self._started = 0.0

    def start(self, may_fall: bool) -> None:
        """End what moves by plan and set 1 to 3 things in motion; only with `may_fall` is a thing lifted to fall down."""
        self._release(tuple(self._motions))
        self._started = self._data.time
        wanted = 1 + int(self._rng.integers(3))
        order = self._order_of_trial()
        for thing, direction in order:
            if len(self._motions) >= wanted:
                break
            if thing in self._motions:
                continue
            motion = self._plan(thing, direction, may_fall)
            if motion is not None:
                self._motions[thing] = motion
                self._begin(motion)

    def drive(self) -> None:
        """Set the forces for the next step of physics; call before every step."""
        age = self._data.time - self._started
        for thing, motion in tuple(self._motions.items()):
            if motion.kind not in ("pushed", "falling"):
                continue
            if age > motion.duration or (motion.kind == "falling" and self._landed(motion)):
                self._release((thing,))
                continue
            body, joint = thing + 1, self._joint(thing)
            mass = float(self._model.body_mass[body])
            error = motion.velocity - self._data.qvel[joint : joint + 3]
            force = mass * _GRIP * error
            if motion.kind == "falling":
                force[2] += mass * GRAVITY
            else:
                force[2] = 0.0
                strength = float(np.linalg.norm(force))
                force *= min(1.0, 0.9 * mass * GRAVITY / max(strength, 1e-9))
            self._data.xfrc_applied[body, :3] = force

    def kind(self, thing: int, velocity: Array) -> str | None:
        """Return how a thing moves now, by its velocity in the world and by what it touches; None when it is still."""
        speed = float(np.linalg.norm(velocity))
        if speed < STILL:
            return None
        motion = self._motions.get(thing)
        if motion is not None and motion.kind in ("pushed", "falling"):
            return motion.kind
        if velocity[2] < -0.6 * speed:
            return "falling"
        joint = self._joint(thing)
        spin = np.zeros(3)
        mujoco.mju_rotVecQuat(spin, self._data.qvel[joint + 3 : joint + 6], self._data.qpos[joint + thing + 3 : joint + thing + 7])
        round_way = float(np.linalg.norm(spin[:2])) * self._rolling_radius(thing)
        return "rolling" if self._scene.things[thing].pose.rolls and round_way > 0.5 * speed else "sliding"

    def _joint(self, thing: int) -> int:
        return 6 * thing

    def _landed(self, motion: Motion) -> bool:
        return bool(self._bottom(motion.thing) < 0.004)

    def _bottom(self, thing: int) -> float:
        place, turn = self._pose(thing)
        return float((_corners(self._scene.things[thing]) @ turn.T)[:, 2].min() + place[2])

    def _pose(self, thing: int) -> tuple[Array, Array]:
        body = thing + 1
        return self._data.xpos[body].copy(), self._data.xmat[body].reshape(3, 3).copy()

    def _release(self, things: Sequence[int]) -> None:
        for thing in things:
            del self._motions[thing]
            self._data.xfrc_applied[thing + 1] = 0.0
            geoms = self._model.geom_bodyid == thing + 1
            self._model.geom_friction[geoms] = self._friction[geoms]

    def _order_of_trial(self) -> list[tuple[int, Array]]:
        """Return (thing, direction) in the order to try; first two of the same class going opposite ways, if there are such."""
        things = self._scene.things
        rng = self._rng
        order: list[tuple[int, Array]] = []
        classes = sorted({t.class_name for t in things if sum(t.class_name == o.class_name for o in things) > 1})
        if classes and rng.uniform() < 0.6:
            chosen = classes[int(rng.integers(len(classes)))]
            alike = rng.permutation([i for i, t in enumerate(things) if t.class_name == chosen])
            way = self._direction(int(rng.integers(4)))
            order += [(int(alike[0]), way), (int(alike[0]), -way), (int(alike[1]), -way), (int(alike[1]), way)]
        others = rng.permutation(len(things))
        if rng.uniform() < 0.4:  # what can roll comes first
            others = np.array(sorted(others, key=lambda i: not things[i].pose.rolls))
        for thing in others:
            order += [(int(thing), self._direction(int(way))) for way in rng.permutation(4)]
        return order

    def _direction(self, way: int) -> Array:
        right, away = _VIEW_DIRECTIONS[way]
        turn = float(self._rng.normal(0.0, 0.15))
        right, away = right * np.cos(turn) - away * np.sin(turn), right * np.sin(turn) + away * np.cos(turn)
        direction: Array = right * self._scene.camera.axes[0] + away * self._scene.camera.away
        return direction

    def _plan(self, thing: int, direction: Array, may_fall: bool) -> Motion | None:
        rng = self._rng
        rolls = self._scene.things[thing].pose.rolls
        radius = self._rolling_radius(thing)
        duration = float(rng.uniform(1.2, 1.9))
        if may_fall and rng.uniform() < 0.15:
            return self._plan_fall(thing, float(rng.uniform(0.16, 0.26)))
        if rolls and rng.uniform() < 0.85:
            if rolls != "any":
                axle = self._pose(thing)[1][:, 2 if rolls == "axis" else 1] * [1.0, 1.0, 0.0]
                if float(np.linalg.norm(axle)) < 0.9:
                    return None  # it no longer lies as it was put
                across = np.cross(axle / np.linalg.norm(axle), [0.0, 0.0, 1.0])
                direction = across if across @ direction > 0 else -across
            kind = "rolling"
        else:
            kind = "pushed" if rng.uniform() < 0.4 else "sliding"
        distance = self._free_way(thing, direction, float(rng.uniform(0.22, 0.42)))
        if distance < 0.13:
            return None
        speed = distance / duration * (1.0 if kind == "pushed" else 2.0)
        speed = float(np.clip(speed, 0.12, 0.58))
        return Motion(thing, kind, speed * direction, duration, radius if kind == "rolling" else 0.0)

    def _plan_fall(self, thing: int, speed: float) -> Motion | None:
        place, turn = self._pose(thing)
        corners = _corners(self._scene.things[thing]) @ turn.T + place
        project, lens = self._scene.camera.project, self._scene.camera.intrinsics
        others = np.array([project(self._pose(o)[0]) for o in range(len(self._scene.things)) if o != thing])
        for height in (0.34, 0.28, 0.22, 0.17):
            pixels = project(corners + [0.0, 0.0, height])
            low, high = pixels.min(axis=0), pixels.max(axis=0)
            hides = np.any(np.all((others > low) & (others < high), axis=1))
            if low[1] > 0.02 * lens.height and not hides:
                return Motion(thing, "falling", np.array([0.0, 0.0, -speed]), height / speed + 0.5, height)
        return None

    def _free_way(self, thing: int, direction: Array, most: float) -> float:
        """Return how far a thing can go before it meets another or the image's border, at most `most` metres."""
        place = self._pose(thing)[0]
        lens = self._scene.camera.intrinsics
        border = 0.07 * np.array([lens.width, lens.height])
        others = [(self._pose(o)[0], self._reach[o]) for o in range(len(self._scene.things)) if o != thing]
        for step in np.arange(0.02, most, 0.02):
            spot = place + step * direction
            pixel = self._scene.camera.project(spot)
            inside = np.all(pixel > border) and np.all(pixel < [lens.width, lens.height] - border)
            near = any(
                np.hypot(*(spot - other)[:2]) < self._reach[thing] + reach + _CLEARANCE
                and np.hypot(*(spot - other)[:2]) < np.hypot(*(place - other)[:2])
                for other, reach in others
            )
            if near or not inside:
                return float(step) - 0.02
        return most

    def _rolling_radius(self, thing: int) -> float:
        drawn = self._scene.things[thing]
        return float(drawn.blueprint.solids[0].size[0]) * drawn.scale

    def _begin(self, motion: Motion) -> None:
        joint, thing = self._joint(motion.thing), motion.thing
        if motion.kind == "falling":
            self._data.qpos[joint + thing + 2] += motion.radius
        self._data.qvel[joint : joint + 6] = 0.0
        self._data.qvel[joint : joint + 3] = motion.velocity
        geoms = self._model.geom_bodyid == thing + 1
        slowing = float(np.linalg.norm(motion.velocity)) / motion.duration / GRAVITY  # in units of gravity
        if motion.kind == "pushed":
            self._model.geom_friction[geoms, 0] = _PUSHED_FRICTION
        elif motion.kind == "sliding":
            self._model.geom_friction[geoms, 0] = slowing
        elif motion.kind == "rolling":
            factor = _ROLLING_INERTIA[self._scene.things[thing].pose.rolls]
            self._model.geom_friction[geoms, 2] = factor * slowing * motion.radius
            spin = np.cross([0.0, 0.0, 1.0], motion.velocity) / motion.radius
            back = np.zeros(4)
            mujoco.mju_negQuat(back, self._data.qpos[joint + thing + 3 : joint + thing + 7])
            mujoco.mju_rotVecQuat(self._data.qvel[joint + 3 : joint + 6], spin, back)
        mujoco.mj_forward(self._model, self._data)


def _corners(thing: Thing) -> Array:
    corners: Array = np.concatenate([part.mesh.vertices for part in thing.blueprint.parts]) * thing.scale
    return corners


def _reach(thing: Thing) -> float:
    """Return the radius of the upright cylinder about a thing as it was put, metres."""
    from refseg_ros.simulation.scene import rotation

    corners = _corners(thing) @ rotation(thing.quaternion).T
    return float(np.hypot(corners[:, 0], corners[:, 1]).max())
