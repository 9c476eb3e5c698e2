"""Drawing a scene from a seed: which things, how they look and lie, the surfaces, the lights, the camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from refseg_ros.simulation.appearance import FINISHES, allowed_pairs, finish_texture, paint
from refseg_ros.simulation.camera import Camera, look_at
from refseg_ros.simulation.objects import CLASSES, Blueprint, Pose, blueprint
from refseg_ros.simulation.placement import Places
from refseg_ros.simulation.rotations import rotation, turned
from refseg_ros.simulation.surfaces import surface_texture

Array = NDArray[np.float64]
FEWEST_THINGS, MOST_THINGS = 4, 9

_SIZES = ((0.7, 0.82), (0.9, 1.08), (1.2, 1.42))  # small, middle, large; large is at least 1.46 times small
_FINISH_WEIGHTS = (0.36, 0.26, 0.14, 0.12, 0.12)  # in the order of FINISHES


@dataclass(frozen=True)
class Thing:
    """One thing of a scene: what it is, how it looks, its pose (world, metres, unit quaternion (w, x, y, z))."""

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

    def corners(self) -> Array:
        """Return all vertices of the thing (V, 3) in its own frame, metres."""
        corners: Array = self.blueprint.vertices() * self.scale
        return corners

    def reach(self) -> float:
        """Return the radius of the upright cylinder about the thing as it was put, metres."""
        corners = self.corners() @ rotation(self.quaternion).T
        return float(np.hypot(corners[:, 0], corners[:, 1]).max())

    def rolling_radius(self) -> float:
        """Return the radius that the thing rolls on if it can roll, metres."""
        return float(self.blueprint.solids[0].size[0]) * self.scale


@dataclass(frozen=True)
class Light:
    """A light from far away: the direction in which it shines (world), brightness per channel (3,), casting shadows."""

    direction: Array
    diffuse: Array
    shadow: bool


@dataclass(frozen=True)
class Scene:
    """All that is drawn. Textures are square uint8 RGB images; lengths are metres, angles radians."""

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
    """What is to be put on the table, before a place is found for it."""

    class_name: str
    colour: str
    scale: float


def _draw_kinds(count: int, split: str, rng: Generator) -> list[_Kind]:
    """Draw things that have much in common: most repeat the class or the colour of an earlier one."""
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
        alike = [kind.scale for kind in kinds if kind.class_name == class_name]
        if alike and rng.uniform() < 0.5:  # on purpose the other size
            band = _SIZES[-1] if min(alike) < 0.85 else _SIZES[0]
        else:
            band = _SIZES[int(rng.integers(len(_SIZES)))]
        kinds.append(_Kind(class_name, colour, float(rng.uniform(*band))))
    return kinds


def _draw_camera(count: int, size: tuple[int, int], rng: Generator) -> Camera:
    """Draw a camera that looks 31 to 60 degrees down and sees about 0.6 to 0.95 m of the table's width."""
    seen = 0.5 + 0.035 * count + float(rng.uniform(0.0, 0.12))
    vertical = float(np.radians(rng.uniform(38.0, 56.0)))
    shape = min(size[0] / size[1], 4.0 / 3.0)
    distance = seen / (2.0 * shape * np.tan(vertical / 2.0))
    target = np.array([*rng.uniform(-0.04, 0.04, 2), 0.03])
    yaw, pitch = float(rng.uniform(-np.pi, np.pi)), float(np.radians(rng.uniform(31.0, 60.0)))
    return look_at(target, yaw, pitch, distance, vertical, size)


def _draw_thing(kind: _Kind, places: Places, rng: Generator) -> Thing | None:
    plan = blueprint(kind.class_name, rng)
    weights = np.array([pose.weight for pose in plan.poses])
    pose = plan.poses[int(rng.choice(len(weights), p=weights / weights.sum()))]
    quaternion = turned(pose.quaternion, float(rng.uniform(-np.pi, np.pi)))
    corners = plan.vertices() @ rotation(quaternion).T * kind.scale
    low, high = corners.min(axis=0), corners.max(axis=0)
    place = places.find(float(np.hypot(corners[:, 0], corners[:, 1]).max()), float(high[2] - low[2]))
    if place is None:
        return None
    finish = FINISHES[int(rng.choice(len(FINISHES), p=_FINISH_WEIGHTS))]
    rgb = paint(kind.colour, rng)
    position = place + [0.0, 0.0, 0.001 - float(low[2])]
    texture = finish_texture(finish, rgb, rng)
    return Thing(kind.class_name, kind.colour, finish, kind.scale, plan, pose, position, quaternion, rgb, texture)


def _draw_lights(camera: Camera, rng: Generator) -> tuple[tuple[Light, ...], float]:
    """Draw a key light and a fill light from the viewer's side of the room, and the ambient brightness."""
    ambient = float(rng.uniform(0.44, 0.58))
    total = float(rng.uniform(0.98, 1.2)) - ambient
    share = float(rng.uniform(0.65, 1.0))
    lights = []
    behind = float(np.arctan2(-camera.away[1], -camera.away[0]))  # no wall stands there
    for part, shadow in ((share, True), (1.0 - share, bool(rng.uniform() < 0.25))):
        elevation, azimuth = float(np.radians(rng.uniform(40.0, 82.0))), behind + float(rng.uniform(-1.9, 1.9))
        level = np.cos(elevation)
        direction = -np.array([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)])
        tint = 1.0 + rng.uniform(-1.0, 1.0) * np.array([0.07, 0.01, -0.07])
        lights.append(Light(direction, part * total / np.sin(elevation) ** 0.5 * tint, shadow))
    return tuple(lights), ambient


def draw_scene(seed: int, split: str, size: tuple[int, int]) -> Scene:
    """Draw the scene of a seed (>= 0) and split for an image of (width, height) pixels.

    4 to 9 things are on the table: the camera is drawn again in the rare case that fewer found a place.
    """
    rng = np.random.default_rng([seed, split == "held_out"])
    things: list[Thing] = []
    while len(things) < FEWEST_THINGS:
        count = int(rng.integers(FEWEST_THINGS, MOST_THINGS + 1))
        camera = _draw_camera(count, size, rng)
        places = Places(camera, rng)
        drawn = (_draw_thing(kind, places, rng) for kind in _draw_kinds(count, split, rng))
        things = [thing for thing in drawn if thing is not None]
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
