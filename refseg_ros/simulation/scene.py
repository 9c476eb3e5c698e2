"""Draws a scene from a seed: its things with looks and poses, the surfaces, the lights, the camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from refseg_ros.simulation.appearance import FINISHES, allowed_pairs, finish_texture, paint
from refseg_ros.simulation.camera import Camera, look_at
from refseg_ros.simulation.free_places import Places
from refseg_ros.simulation.objects import CLASSES, Blueprint, Pose, blueprint
from refseg_ros.simulation.surfaces import surface_texture
from refseg_ros.space.rotations import rotation, turned

Array = NDArray[np.float64]
FEWEST_THINGS, MOST_THINGS = 4, 9

_SIZES = ((0.7, 0.82), (0.9, 1.08), (1.2, 1.42))  # small, middle, large; large is at least 1.46 times small
_FINISH_WEIGHTS = (0.36, 0.26, 0.14, 0.12, 0.12)  # in the order of FINISHES


@dataclass(frozen=True)
class Thing:
    """One thing of a scene: its class, its looks, its pose (world, metres, unit quaternion (w, x, y, z))."""

    class_name: str
    colour: str
    finish: str
    scale: float
    blueprint: Blueprint
    pose: Pose
    position: Array
    quaternion: Array
    rgb: Array
    texture: NDArray[np.uint8]
    names: tuple[str, ...] = ()
    """See `ObjectTruth`."""
    other_colours: tuple[str, ...] = ()

    def corners(self) -> Array:
        """Return all vertices of the thing (V, 3) in its own frame, metres."""
        corners: Array = self.blueprint.vertices() * self.scale
        return corners

    def reach(self) -> float:
        """Return the radius of the upright cylinder around the thing in its first pose, metres."""
        corners = self.corners() @ rotation(self.quaternion).T
        return float(np.hypot(corners[:, 0], corners[:, 1]).max())

    def rolling_radius(self) -> float:
        """Return the radius that the thing rolls on, metres; 0 if it cannot roll."""
        size = self.blueprint.solids[0].size
        return float(size[0]) * self.scale if size else 0.0


@dataclass(frozen=True)
class Light:
    """A distant light: direction in which it shines (world), brightness per channel (3,), whether it casts shadows."""

    direction: Array
    diffuse: Array
    shadow: bool


@dataclass(frozen=True)
class Scene:
    """A whole scene. Textures are square uint8 RGB images; lengths are metres, angles radians."""

    things: tuple[Thing, ...]
    camera: Camera
    lights: tuple[Light, ...]
    ambient: float
    table: NDArray[np.uint8]
    table_half_size: tuple[float, float]
    table_turn: float
    repeats: float  # of every texture, per metre
    wall: NDArray[np.uint8]
    wall_distance: float  # behind the middle of the table
    wall_turn: float
    floor: NDArray[np.uint8]


@dataclass(frozen=True)
class _Kind:
    """A thing to put on the table, before it has a place."""

    class_name: str
    colour: str
    scale: float


def _draw_kinds(count: int, split: str, rng: Generator) -> list[_Kind]:
    """Draw things with much in common: most repeat the class or the colour of an earlier one."""
    allowed = sorted(allowed_pairs(split))
    kinds: list[_Kind] = []
    while len(kinds) < count:
        way = float(rng.uniform())
        earlier = kinds[int(rng.integers(len(kinds)))] if kinds else None
        if earlier is None or way < 0.3:
            class_name = CLASSES[int(rng.integers(len(CLASSES)))]
            colours = [c for c, k in allowed if k == class_name]
            colour = colours[int(rng.integers(len(colours)))]
        elif way < 0.57:
            class_name = earlier.class_name
            colours = [c for c, k in allowed if k == class_name and (c != earlier.colour)]
            colour = colours[int(rng.integers(len(colours)))]
        elif way < 0.68:
            class_name, colour = earlier.class_name, earlier.colour
        else:
            colour = earlier.colour
            names = [k for c, k in allowed if c == colour and k != earlier.class_name]
            class_name = names[int(rng.integers(len(names)))]
        scales = [kind.scale for kind in kinds if kind.class_name == class_name]
        if scales and rng.uniform() < 0.5:  # the other size on purpose
            band = _SIZES[-1] if min(scales) < 0.85 else _SIZES[0]
        else:
            band = _SIZES[int(rng.integers(len(_SIZES)))]
        kinds.append(_Kind(class_name, colour, float(rng.uniform(*band))))
    return kinds


def draw_camera(
    seen: float, size: tuple[int, int], rng: Generator, *, angles: tuple[float, float], steepest: float, nearest: float
) -> Camera:
    """Draw a camera that looks down on the middle of the table.

    Args:
        seen: metres of the table that it sees from side to side.
        size: (width, height) of the image in pixels.
        rng: draws the rest.
        angles: smallest and largest vertical field of view, in degrees.
        steepest: largest angle below the horizon, in degrees; the smallest is 31.
        nearest: smallest distance from the middle of the table, in metres.
    """
    vertical = float(np.radians(rng.uniform(*angles)))
    distance = seen / (2.0 * min(size[0] / size[1], 4.0 / 3.0) * np.tan(vertical / 2.0))
    target = np.array([*rng.uniform(-0.04, 0.04, 2), 0.03])
    yaw, pitch = float(rng.uniform(-np.pi, np.pi)), float(np.radians(rng.uniform(31.0, steepest)))
    return look_at(target, yaw, pitch, max(distance, nearest), vertical, size)


def lay(plan: Blueprint, scale: float, places: Places, rng: Generator, gap: float) -> tuple[Pose, Array, Array] | None:
    """Put a thing in one of its poses `gap` metres above a free place; physics lets it down.

    Returns:
        The pose, the position (3,) and the quaternion (4,) in the world; None when no place was found.
    """
    weights = np.array([pose.weight for pose in plan.poses])
    pose = plan.poses[int(rng.choice(len(weights), p=weights / weights.sum()))]
    quaternion = turned(pose.quaternion, float(rng.uniform(-np.pi, np.pi)))
    corners = plan.vertices() @ rotation(quaternion).T * scale
    low, high = corners.min(axis=0), corners.max(axis=0)
    place = places.find(float(np.hypot(corners[:, 0], corners[:, 1]).max()), float(high[2] - low[2]))
    return None if place is None else (pose, place + [0.0, 0.0, gap - float(low[2])], quaternion)


def _draw_thing(kind: _Kind, places: Places, rng: Generator) -> Thing | None:
    plan = blueprint(kind.class_name, rng)
    laid = lay(plan, kind.scale, places, rng, gap=0.001)
    if laid is None:
        return None
    finish = FINISHES[int(rng.choice(len(FINISHES), p=_FINISH_WEIGHTS))]
    rgb = paint(kind.colour, rng)
    texture = finish_texture(finish, rgb, rng)
    return Thing(kind.class_name, kind.colour, finish, kind.scale, plan, *laid, rgb, texture)


def _draw_lights(camera: Camera, rng: Generator) -> tuple[tuple[Light, ...], float]:
    """Draw a key light and a fill light from the viewer's side of the room, and the ambient brightness."""
    ambient = float(rng.uniform(0.44, 0.58))
    total = float(rng.uniform(0.98, 1.2)) - ambient
    share = float(rng.uniform(0.65, 1.0))
    lights = []
    behind = float(np.arctan2(-camera.away[1], -camera.away[0]))  # no wall is there
    for part, shadow in ((share, True), (1.0 - share, bool(rng.uniform() < 0.25))):
        elevation, azimuth = float(np.radians(rng.uniform(40.0, 82.0))), behind + float(rng.uniform(-1.9, 1.9))
        level = np.cos(elevation)
        direction = -np.array([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)])
        tint = 1.0 + rng.uniform(-1.0, 1.0) * np.array([0.07, 0.01, -0.07])
        lights.append(Light(direction, part * total / np.sin(elevation) ** 0.5 * tint, shadow))
    return tuple(lights), ambient


def draw_scene(seed: int, split: str, size: tuple[int, int]) -> Scene:
    """Draw the scene of a seed (>= 0) and split for an image of (width, height) pixels.

    The table has 4 to 9 things; in the rare case that fewer find a place, camera and things are drawn again.
    """
    rng = np.random.default_rng([seed, split == "held_out"])
    things: list[Thing] = []
    while len(things) < FEWEST_THINGS:
        count = int(rng.integers(FEWEST_THINGS, MOST_THINGS + 1))
        seen = 0.5 + 0.035 * count + float(rng.uniform(0.0, 0.12))
        camera = draw_camera(seen, size, rng, angles=(38.0, 56.0), steepest=60.0, nearest=0.0)
        places = Places(camera, rng)
        drawn = (_draw_thing(kind, places, rng) for kind in _draw_kinds(count, split, rng))
        things = [thing for thing in drawn if thing is not None]
    return furnished(things, camera, split, rng)


def furnished(things: Sequence[Thing], camera: Camera, split: str, rng: Generator) -> Scene:
    """Draw the lights, the table, the wall and the floor around some things."""
    lights, ambient = _draw_lights(camera, rng)
    turn = float(np.arctan2(camera.away[1], camera.away[0]))
    return Scene(
        things=tuple(things),
        camera=camera,
        lights=lights,
        ambient=ambient,
        table=surface_texture(split, rng),
        table_half_size=(float(rng.uniform(0.6, 1.1)), float(rng.uniform(0.6, 1.1))),
        table_turn=turn + float(rng.choice([0.0, rng.uniform(-0.8, 0.8)])),
        repeats=float(rng.uniform(1.0, 5.0)),
        wall=surface_texture(split, rng, step=2),
        wall_distance=float(rng.uniform(0.75, 1.8)),
        wall_turn=turn + float(rng.uniform(-0.5, 0.5)),
        floor=surface_texture(split, rng, step=2),
    )
