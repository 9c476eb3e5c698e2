"""The twelve classes of things on the table: shape, colliding shapes and resting poses of each.

A blueprint is in the thing's own frame, metres, z up when it stands. Its proportions are random, so that no two mugs
look the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from refseg_ros.simulation.meshes import Mesh, ball_profile, box, join, lathe, tube

UPRIGHT = (1.0, 0.0, 0.0, 0.0)
LYING = (float(np.sqrt(0.5)), 0.0, float(np.sqrt(0.5)), 0.0)  # its own z axis lies along the table
UPSIDE_DOWN = (0.0, 1.0, 0.0, 0.0)
CYLINDER, CAPSULE = mujoco.mjtGeom.mjGEOM_CYLINDER, mujoco.mjtGeom.mjGEOM_CAPSULE
SPHERE, BOX = mujoco.mjtGeom.mjGEOM_SPHERE, mujoco.mjtGeom.mjGEOM_BOX


@dataclass(frozen=True)
class Part:
    """A visible mesh and its paint: "base" is the thing's own colour and finish, the others are accents."""

    mesh: Mesh
    paint: str = "base"


@dataclass(frozen=True)
class Solid:
    """A collision primitive: MuJoCo geom type, MuJoCo half sizes, position, unit quaternion (w, x, y, z).

    A hull of points (mjGEOM_MESH) has no size; `points` (K, 3) are metres.
    """

    kind: mujoco.mjtGeom
    size: tuple[float, ...]
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    quaternion: tuple[float, float, float, float] = UPRIGHT
    points: NDArray[np.float64] | None = None

    @classmethod
    def hull_of(cls, points: NDArray[np.float64]) -> Solid:
        """The convex hull of some points."""
        return cls(mujoco.mjtGeom.mjGEOM_MESH, (), points=points)


@dataclass(frozen=True)
class Pose:
    """A resting pose: quaternion (w, x, y, z), relative frequency, and how the thing rolls in it.

    `rolls` is "any" (any way, a ball), "z" or "y" (about that axis of the thing, which is level) or "" (not at all).
    """

    quaternion: tuple[float, float, float, float]
    weight: float
    rolls: str = ""


@dataclass(frozen=True)
class Blueprint:
    """One thing of a class, at nominal size."""

    parts: tuple[Part, ...]
    solids: tuple[Solid, ...]
    poses: tuple[Pose, ...]

    def vertices(self) -> NDArray[np.float64]:
        """Return the vertices (V, 3) of all its parts."""
        return np.concatenate([part.mesh.vertices for part in self.parts])


def _between(rng: Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def _mug(rng: Generator) -> Blueprint:
    r, h, foot = 0.043, _between(rng, 0.085, 0.105), _between(rng, 0.78, 1.0)
    z = h / 2
    body = lathe([(0, -z), (foot * r, -z), (r, z), (r - 0.005, z), (foot * r - 0.006, -z + 0.008), (0, -z + 0.008)])
    angle = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 9)
    loop = np.stack([0.9 * r + 0.032 * np.cos(angle), 0 * angle, 0.33 * h * np.sin(angle)], axis=1)
    handle = tube(loop, np.full(9, 0.0075), sides=8)
    solids = (Solid(CYLINDER, (r, z)), Solid(BOX, (0.018, 0.007, 0.3 * h), (0.9 * r + 0.02, 0, 0)))
    return Blueprint((Part(join(body, handle)),), solids, (Pose(UPRIGHT, 0.85), Pose(UPSIDE_DOWN, 0.15)))


def _bowl(rng: Generator) -> Blueprint:
    r, h = 0.075, _between(rng, 0.052, 0.068)
    angle = np.linspace(0.25, 0.5 * np.pi, 6)
    outside = [(r * float(np.sin(a)), h * (0.5 - float(np.cos(a)))) for a in angle]
    inside = [(0.92 * x, h / 2 - (h / 2 - y) * 0.9) for x, y in reversed(outside)]
    profile = [(0.0, -h / 2), (0.4 * r, -h / 2), *outside, *inside, (0.0, -0.38 * h)]
    poses = (Pose(UPRIGHT, 0.88), Pose(UPSIDE_DOWN, 0.12))
    return Blueprint((Part(lathe(profile)),), (Solid(CYLINDER, (r, h / 2)),), poses)


def _bottle(rng: Generator) -> Blueprint:
    r, h = 0.036, _between(rng, 0.19, 0.215)
    neck, shoulder = _between(rng, 0.012, 0.015), _between(rng, 0.52, 0.66)
    z, low, high = h / 2, (shoulder - 0.5) * h, (shoulder - 0.5 + 0.17) * h
    turn = np.linspace(0, np.pi, 6)
    bend = [(neck + (r - neck) * (0.5 + 0.5 * float(np.cos(t))), low + (high - low) * t / np.pi) for t in turn]
    body = lathe([(0, -z), (0.92 * r, -z), (r, -z + 0.006), *bend, (neck, 0.86 * z), (0, 0.86 * z)])
    cap = lathe([(neck + 0.003, 0.86 * z), (neck + 0.003, z), (0, z)], sides=14)
    solids = (
        Solid(CYLINDER, (r, (low + z) / 2), (0, 0, (low - z) / 2)),
        Solid(CYLINDER, (neck, (z - low) / 2), (0, 0, (z + low) / 2)),
    )
    return Blueprint((Part(body), Part(cap, "shade")), solids, (Pose(UPRIGHT, 0.65), Pose(LYING, 0.35, "z")))


def _plate(rng: Generator) -> Blueprint:
    r, h, well = 0.092, _between(rng, 0.018, 0.024), _between(rng, 0.58, 0.7)
    z = h / 2
    profile = [(0, -z), (well * r, -z), (r, z - 0.003), (r, z), (well * r, -z + 0.006), (0, -z + 0.006)]
    rim = lathe([(0.94 * r, z - 0.0055 + 0.003), (r + 0.001, z - 0.001), (r + 0.001, z + 0.001), (0.94 * r, z - 0.001)])
    parts = (Part(lathe(profile, sides=32)), Part(rim, "shade"))
    return Blueprint(parts, (Solid(CYLINDER, (r, z)),), (Pose(UPRIGHT, 1.0),))


def _book(rng: Generator) -> Blueprint:
    x, y, h = _between(rng, 0.15, 0.175), _between(rng, 0.11, 0.125), _between(rng, 0.024, 0.042)
    cover, z = 0.004, h / 2
    covers = join(
        box((x, y, cover)).moved((0, 0, z - cover / 2)),
        box((x, y, cover)).moved((0, 0, -z + cover / 2)),
        box((x, cover, h)).moved((0, -y / 2 + cover / 2, 0)),
    )
    pages = box((x - 0.008, y - 0.008, h - 2 * cover))
    title = box((0.5 * x, 0.12 * y, 0.0006)).moved((0, 0.2 * y, z))
    parts = (Part(covers), Part(pages, "paper"), Part(title, "shade"))
    return Blueprint(parts, (Solid(BOX, (x / 2, y / 2, z)),), (Pose(UPRIGHT, 1.0),))


def _can(rng: Generator) -> Blueprint:
    r, h = 0.037, _between(rng, 0.105, 0.125)
    z = h / 2
    body = lathe([(0.9 * r, -z + 0.002), (r, -z + 0.008), (r, z - 0.008), (0.9 * r, z - 0.002)])
    lids = join(
        lathe([(0, -z + 0.004), (0.86 * r, -z + 0.004), (0.9 * r, -z), (0.91 * r, -z + 0.003)]),
        lathe([(0.91 * r, z - 0.003), (0.9 * r, z), (0.86 * r, z - 0.004), (0, z - 0.004)]),
    )
    poses = (Pose(UPRIGHT, 0.6), Pose(LYING, 0.4, "z"))
    return Blueprint((Part(body), Part(lids, "metal")), (Solid(CYLINDER, (r, z)),), poses)


def _banana(rng: Generator) -> Blueprint:
    bend, sweep = _between(rng, 0.085, 0.11), _between(rng, 1.75, 2.1)
    angle = np.linspace(-sweep / 2, sweep / 2, 13)
    curve = np.stack([bend * np.sin(angle), 0 * angle, bend * (1.0 - np.cos(angle))], axis=1)
    curve[:, 2] -= curve[:, 2].mean()
    radii = 0.0205 * np.clip(1.25 * np.sin(np.linspace(0.12, np.pi - 0.2, 13)) ** 0.6, 0, 1)
    flesh = tube(curve[1:-1], radii[1:-1], sides=8)
    direction = (curve[-1] - curve[-2]) / np.linalg.norm(curve[-1] - curve[-2])
    stem_end = curve[-1] + 0.012 * direction
    tip = np.stack([curve[0], curve[0] * 0.8 + curve[1] * 0.2, curve[1]])
    stem = np.stack([curve[-2], curve[-1], stem_end, stem_end]) + np.array([[0], [0], [0], [1]]) * 1e-4 * direction
    ends = join(
        tube(tip, np.array([0, 0.006, radii[1]]), sides=8),
        tube(stem, np.array([radii[-2], 0.006, 0.005, 0]), sides=8),
    )
    solids = tuple(_capsule(curve[a], curve[b], 0.0195) for a, b in ((2, 5), (5, 7), (7, 10)))
    lying = Pose((float(np.sqrt(0.5)), float(np.sqrt(0.5)), 0.0, 0.0), 1.0)
    return Blueprint((Part(flesh), Part(ends, "dark")), solids, (lying,))


def _capsule(start: NDArray[np.float64], end: NDArray[np.float64], radius: float) -> Solid:
    direction = (end - start) / np.linalg.norm(end - start)
    turn = np.zeros(4)
    mujoco.mju_quatZ2Vec(turn, direction)
    middle = (start + end) / 2
    half = float(np.linalg.norm(end - start)) / 2
    return Solid(CAPSULE, (radius, half), tuple(map(float, middle)), tuple(map(float, turn)))  # type: ignore[arg-type]


def _ball(rng: Generator) -> Blueprint:
    r = _between(rng, 0.04, 0.046)
    return Blueprint((Part(lathe(ball_profile(r))),), (Solid(SPHERE, (r,)),), (Pose(UPRIGHT, 1.0, "any"),))


def _block(rng: Generator) -> Blueprint:
    x, y, z = (_between(rng, 0.066, 0.084) for _ in range(3))
    return Blueprint((Part(box((x, y, z))),), (Solid(BOX, (x / 2, y / 2, z / 2)),), (Pose(UPRIGHT, 1.0),))


def _hammer(rng: Generator) -> Blueprint:
    length, head, thick = _between(rng, 0.2, 0.23), _between(rng, 0.09, 0.105), _between(rng, 0.034, 0.04)
    shaft_radius, x = 0.0115, length / 2
    along = np.linspace(-x, x - thick, 4)
    line = np.stack([along, 0 * along, 0 * along], axis=1)
    shaft = tube(line, shaft_radius * np.array([0.0, 1.15, 1.0, 0.9]), sides=10)
    end = np.array([[-x - 1e-3, 0, 0], [-x, 0, 0], [-x + 0.02, 0, 0]])
    knob = tube(end, shaft_radius * np.array([0, 1.15, 1.15]), sides=10)
    top = box((thick, head, thick)).moved((x - thick / 2, 0, 0))
    turned = Solid(BOX, (thick / 2, head / 2, thick / 2), (x - thick / 2, 0, 0))
    handle = Solid(CAPSULE, (shaft_radius, x - thick / 2), (-thick / 2, 0, 0), LYING)
    return Blueprint((Part(join(shaft, knob), "shade"), Part(top)), (turned, handle), (Pose(UPRIGHT, 1.0),))


def _donut(rng: Generator) -> Blueprint:
    ring, thick = 0.044, _between(rng, 0.018, 0.022)
    angle = np.linspace(0.0, 2.0 * np.pi, 21)
    circle = np.stack([ring * np.cos(angle), 0 * angle, ring * np.sin(angle)], axis=1)
    torus = tube(circle, np.full(21, thick), sides=10, repeats=6.0)
    flat = Solid(CYLINDER, (ring + thick, thick), quaternion=(float(np.sqrt(0.5)), float(np.sqrt(0.5)), 0.0, 0.0))
    lying = Pose((float(np.sqrt(0.5)), float(np.sqrt(0.5)), 0.0, 0.0), 0.75)
    return Blueprint((Part(torus),), (flat,), (lying, Pose(UPRIGHT, 0.25, "y")))


def _goblet(rng: Generator) -> Blueprint:
    r, h, belly = 0.042, _between(rng, 0.14, 0.165), _between(rng, 1.0, 1.15)
    z, stem = h / 2, 0.0075
    profile = [
        (0, -z), (0.9 * r, -z), (0.88 * r, -z + 0.005), (0.02, -z + 0.012), (stem, -z + 0.025), (stem, -0.08 * h),
        (0.6 * r, 0.02 * h), (0.95 * r * belly, 0.16 * h), (r * belly, 0.28 * h), (r, z),
        (r - 0.004, z), (0.9 * r * belly, 0.2 * h), (0.5 * r, 0.07 * h), (0, 0.04 * h),
    ]  # fmt: skip
    solids = (
        Solid(CYLINDER, (0.9 * r, 0.006), (0, 0, -z + 0.006)),
        Solid(CYLINDER, (stem, 0.2 * h), (0, 0, -0.28 * h)),
        Solid(CYLINDER, (r * belly, 0.24 * h), (0, 0, 0.26 * h)),
    )
    return Blueprint((Part(lathe(profile)),), solids, (Pose(UPRIGHT, 0.85), Pose(UPSIDE_DOWN, 0.15)))


_MAKERS: dict[str, Callable[[Generator], Blueprint]] = {
    "mug": _mug, "bowl": _bowl, "bottle": _bottle, "plate": _plate, "book": _book, "can": _can,
    "banana": _banana, "ball": _ball, "block": _block, "hammer": _hammer, "donut": _donut, "goblet": _goblet,
}  # fmt: skip
CLASSES: tuple[str, ...] = tuple(_MAKERS)


def blueprint(class_name: str, rng: Generator) -> Blueprint:
    """Draw one thing of a class at nominal size; KeyError for a name that is not in CLASSES."""
    return _MAKERS[class_name](rng)
