"""Drawing a scene from a seed: which things, how they look and lie, the surfaces, the lights, the camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from refseg_ros.simulation.appearance import FINISHES, allowed_pairs, finish_texture, paint
from refseg_ros.simulation.camera import Camera, look_at
from refseg_ros.simulation.objects import CLASSES, Blueprint, Pose, blueprint
from refseg_ros.simulation.surfaces import surface_texture

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Thing:
    """One thing of a scene: what it is, how it looks, its pose on the table (world), metres and unit quaternion (w, x, y, z)."""

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


@dataclass(frozen=True)
class Light:
    """A light: direction or position in the world, brightness 0..1 per channel (3,), whether it casts shadows."""

    direction: Array
    diffuse: Array
    shadow: bool


@dataclass(frozen=True)
class Scene:
    """All that is drawn; textures are (256, 256, 3) uint8 RGB, half sizes and distances in metres, angles in radians."""

    things: tuple[Thing, ...]
    camera: Camera
    lights: tuple[Light, ...]
    ambient: float
    table: NDArray[np.uint8]
    table_half_size: tuple[float, float]
    table_turn: float
    table_repeats: float
    wall: NDArray[np.uint8]
    wall_distance: float
    wall_turn: float
    floor: NDArray[np.uint8]


@dataclass(frozen=True)
class _Kind:
    """What is to be put on the table, before a place is found for it."""

    class_name: str
    colour: str
    scale: float


def _draw_kinds(count: int, split: str, rng: Generator) -> list[_Kind]:
    """Draw things that have much in common: each repeats the class or the colour of an earlier one more often than not."""
    allowed = sorted(allowed_pairs(split))
    kinds: list[_Kind] = []
    sizes = {"small": (0.7, 0.82), "middle": (0.9, 1.08), "large": (1.2, 1.42)}
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
            class_name = names[int(rng.integers(len(names)))] if names else earlier.class_name
        bands = list(sizes)
        alike = [kind.scale for kind in kinds if kind.class_name == class_name]
        if alike and rng.uniform() < 0.5:  # on purpose the other size
            band = "large" if min(alike) < 0.85 else "small"
        else:
            band = bands[int(rng.integers(3))]
        kinds.append(_Kind(class_name, colour, float(rng.uniform(*sizes[band]))))
    return kinds


def _draw_camera(count: int, size: tuple[int, int], rng: Generator) -> Camera:
    """Draw a camera that looks 30 to 60 degrees down and sees about 0.6 to 0.95 m of the table's width."""
    seen = 0.5 + 0.035 * count + float(rng.uniform(0.0, 0.12))
    vertical = float(np.radians(rng.uniform(38.0, 56.0)))
    shape = min(size[0] / size[1], 4.0 / 3.0)
    distance = seen / (2.0 * shape * np.tan(vertical / 2.0))
    target = np.array([*rng.uniform(-0.04, 0.04, 2), 0.03])
    yaw, pitch = float(rng.uniform(-np.pi, np.pi)), float(np.radians(rng.uniform(31.0, 60.0)))
    return look_at(target, yaw, pitch, distance, vertical, size)


def turned(quaternion: tuple[float, ...], yaw: float) -> Array:
    """Return a quaternion (w, x, y, z) turned by yaw radians about the world's z axis."""
    w, x, y, z = quaternion
    c, s = np.cos(yaw / 2.0), np.sin(yaw / 2.0)
    return np.array([c * w - s * z, c * x - s * y, c * y + s * x, c * z + s * w])


def rotation(quaternion: Array) -> Array:
    """Return the rotation matrix (3, 3) of a unit quaternion (w, x, y, z)."""
    w, x, y, z = quaternion
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


class _Places:
    """Finds free places: no two things touch, none hides another by much, all are inside the image."""

    def __init__(self, camera: Camera, rng: Generator) -> None:
        self._camera, self._rng = camera, rng
        self._taken: list[tuple[Array, float]] = []
        self._boxes: list[Array] = []

    def find(self, radius: float, height: float) -> Array | None:
        """Return a free place on the table (3,) for an upright cylinder of a radius and height, or None when none was found."""
        lens, rng = self._camera.intrinsics, self._rng
        size = np.array([lens.width, lens.height])
        angle = np.linspace(0.0, 2.0 * np.pi, 8, endpoint=False)
        ring = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1) * radius * 0.92
        outline = np.concatenate([ring, ring + [0.0, 0.0, height]])
        for _ in range(40):
            place = self._camera.on_table(rng.uniform([0.06, 0.16], [0.94, 0.94]) * size)
            if any(np.linalg.norm(place - other) < radius + reach + 0.008 for other, reach in self._taken):
                continue
            pixels = self._camera.project(place + outline)
            bounds = np.concatenate([pixels.min(axis=0), pixels.max(axis=0)])
            slack = 0.06 * size if rng.uniform() < 0.08 else -0.01 * size
            if np.any(bounds[:2] < -slack) or np.any(bounds[2:] > size - 1 + slack):
                continue
            if any(_overlap(bounds, other) > 0.3 for other in self._boxes):
                continue
            self._taken.append((place, radius))
            self._boxes.append(bounds)
            return place
        return None


def _overlap(first: Array, second: Array) -> float:
    """Return the common area of two boxes (x0, y0, x1, y1) relative to the smaller one."""
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    if np.any(sides <= 0.0):
        return 0.0
    return float(np.prod(sides) / min(np.prod(first[2:] - first[:2]), np.prod(second[2:] - second[:2])))


def _draw_thing(kind: _Kind, places: _Places, rng: Generator) -> Thing | None:
    plan = blueprint(kind.class_name, rng)
    weights = np.array([pose.weight for pose in plan.poses])
    pose = plan.poses[int(rng.choice(len(weights), p=weights / weights.sum()))]
    quaternion = turned(pose.quaternion, float(rng.uniform(-np.pi, np.pi)))
    corners = np.concatenate([part.mesh.vertices for part in plan.parts]) @ rotation(quaternion).T * kind.scale
    low, high = corners.min(axis=0), corners.max(axis=0)
    place = places.find(float(np.hypot(corners[:, 0], corners[:, 1]).max()), float(high[2] - low[2]))
    if place is None:
        return None
    finish = FINISHES[int(rng.choice(len(FINISHES), p=[0.36, 0.26, 0.14, 0.12, 0.12]))]
    rgb = paint(kind.colour, rng)
    position = place + [0.0, 0.0, 0.001 - float(low[2])]
    texture = finish_texture(finish, rgb, rng)
    return Thing(kind.class_name, kind.colour, finish, kind.scale, plan, pose, position, quaternion, rgb, texture)


def _draw_lights(camera: Camera, rng: Generator) -> tuple[tuple[Light, ...], float]:
    ambient = float(rng.uniform(0.44, 0.58))
    total = float(rng.uniform(0.98, 1.2)) - ambient
    share = float(rng.uniform(0.65, 1.0))
    lights = []
    behind = float(np.arctan2(-camera.away[1], -camera.away[0]))  # the viewer's side: no wall stands there
    for part, shadow in ((share, True), (1.0 - share, bool(rng.uniform() < 0.25))):
        elevation, azimuth = float(np.radians(rng.uniform(40.0, 82.0))), behind + float(rng.uniform(-1.9, 1.9))
        direction = -np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
        tint = 1.0 + rng.uniform(-1.0, 1.0) * np.array([0.07, 0.01, -0.07])
        lights.append(Light(direction, part * total / np.sin(elevation) ** 0.5 * tint, shadow))
    return tuple(lights), ambient


def draw_scene(seed: int, split: str, size: tuple[int, int]) -> Scene:
    """Draw the scene of a seed (>= 0) and split for an image of (width, height) pixels.

    At least 4 things are on the table, at most 9: the camera is drawn again in the rare case that fewer found a place.
    """
    rng = np.random.default_rng([seed, split == "held_out"])
    things: list[Thing] = []
    while len(things) < 4:
        count = int(rng.integers(4, 10))
        camera = _draw_camera(count, size, rng)
        places = _Places(camera, rng)
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
        table_repeats=float(rng.uniform(1.0, 5.0)),
        wall=surface_texture(split, rng, step=2),
        wall_distance=float(rng.uniform(0.75, 1.8)),
        wall_turn=turn + float(rng.uniform(-0.5, 0.5)),
        floor=surface_texture(split, rng, step=2),
    )
