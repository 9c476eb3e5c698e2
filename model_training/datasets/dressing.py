"""Varies a drawn scene: surfaces cut out of photos, other lights, things without a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator

from model_training.datasets import coco_masks
from model_training.datasets.frames import read_image
from model_training.datasets.instances import INSTANCES, Instances, is_in
from model_training.datasets.photos import photo_places, split_of
from refseg_ros.media.files import IMAGE_SUFFIXES
from refseg_ros.simulation.meshes import lathe
from refseg_ros.simulation.objects import CYLINDER, UPRIGHT, Blueprint, Part, Pose, Solid
from refseg_ros.simulation.scene import Light, Scene, Thing
from refseg_ros.simulation.surfaces import surface_texture

SURFACE_SIDE = 256  # pixels
SMALLEST_CUTOUT = 40  # pixels of each side
IN_FRONT = "person"
"""Category of COCO that is cut out of photos and put in front of things, for arms and hands."""
ODDMENT = ""
"""Class name of a thing without a name."""


@dataclass(frozen=True, kw_only=True)
class DressingConfig:
    """Which parts of a scene change, and how often."""

    photo_surfaces: float = 0.7
    """Share of surfaces (table, wall, floor) that show a piece of a photo, if there are photos."""
    lights: float = 0.6
    """Share of scenes with one to four coloured lights from anywhere above."""
    most_oddments: int = 3
    """Most things without a name that are added."""


class Dressing:
    """A function of (scene, generator), for `Tabletop(dress=...)`.

    Args:
        config: the changes.
        photos: image files.
    """

    def __init__(self, config: DressingConfig, photos: Sequence[Path] = ()) -> None:
        self.config, self.photos = config, tuple(photos)

    def __call__(self, scene: Scene, rng: Generator) -> Scene:
        """The changed scene.

        Raises:
            ValueError, OSError: a photo cannot be read; the message names it.
        """
        for name in ("table", "wall", "floor"):
            if self.photos and rng.uniform() < self.config.photo_surfaces:
                scene = replace(scene, **{name: self._photo(rng)}, repeats=float(rng.uniform(0.6, 2.0)))
        if rng.uniform() < self.config.lights:
            scene = replace(scene, lights=other_lights(rng), ambient=float(rng.uniform(0.2, 0.6)))
        added = []
        for _ in range(int(rng.integers(self.config.most_oddments + 1))):
            surface = self._photo(rng) if self.photos else surface_texture("train", rng)
            added.append(oddment(scene, surface, rng))
        return replace(scene, things=(*scene.things, *added))

    def _photo(self, rng: Generator) -> np.ndarray:
        return piece_of(read_image(self.photos[int(rng.integers(len(self.photos)))]), rng)


def photos_of(folder: Path) -> list[Path]:
    """The photos in a folder and its subfolders, sorted by path; hidden files are left out. So are those of the split
    "val": training must not see what is scored later, not even on a wall.

    Raises:
        ValueError, OSError: there are none, or the photos' list cannot be read.
    """
    images = (path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    found = sorted(path for path in images if not path.name.startswith("."))
    if (folder / INSTANCES).exists():
        names = Instances(folder / INSTANCES).file_names()
        unseen = [name for number, name in names.items() if split_of(number) == "val"]
        left_out = {place / name for place in photo_places(folder) for name in unseen}
        found = [path for path in found if path not in left_out]
    if not found:
        raise ValueError(f"{folder}: holds no image to learn from ({', '.join(IMAGE_SUFFIXES)})")
    return found


def piece_of(photo: np.ndarray, rng: Generator) -> np.ndarray:
    """A square piece of a photo, (256, 256, 3) uint8 RGB; its side is a third to all of the photo's shorter side."""
    height, width = photo.shape[:2]
    side = max(2, int(rng.uniform(0.34, 1.0) * min(height, width)))
    x, y = (int(rng.integers(extent - side + 1)) for extent in (width, height))
    return cv2.resize(photo[y : y + side, x : x + side], (SURFACE_SIDE, SURFACE_SIDE), interpolation=cv2.INTER_AREA)


def other_lights(rng: Generator) -> tuple[Light, ...]:
    """One to four lights from anywhere above, together as bright as the simulator's own; one casts shadows."""
    count = int(rng.integers(1, 5))
    parts, lights = rng.dirichlet(np.ones(count)), []
    for number, part in enumerate(parts):
        elevation, azimuth = float(np.radians(rng.uniform(25.0, 88.0))), float(rng.uniform(-np.pi, np.pi))
        level = np.cos(elevation)
        direction = -np.array([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)])
        warmth = rng.uniform(-1.0, 1.0)
        tint = 1.0 + warmth * np.array([0.18, 0.02, -0.18])
        lights.append(Light(direction, float(part * rng.uniform(0.35, 0.95)) * tint, number == int(parts.argmax())))
    return tuple(lights)


def oddment(scene: Scene, surface: np.ndarray, rng: Generator) -> Thing:
    """A body of revolution with a random profile, without a name, dropped somewhere in the camera's view.

    Args:
        scene: where it is dropped.
        surface: (H, W, 3) uint8 RGB, its texture.
        rng: draws its shape and place.
    """
    half, widest = float(rng.uniform(0.015, 0.06)), float(rng.uniform(0.015, 0.045))
    heights, radii = np.linspace(-half, half, 6), widest * rng.uniform(0.3, 1.0, 6)
    profile = [(0.0, -half), *zip(radii.tolist(), heights.tolist(), strict=True), (0.0, half)]
    solid = Solid(CYLINDER, (float(radii.max()), half))
    plan = Blueprint((Part(lathe(profile)),), (solid,), (Pose(UPRIGHT, 1.0),))
    lens = scene.camera.intrinsics
    spot = scene.camera.on_table(rng.uniform([0.05, 0.25], [0.95, 0.95]) * [lens.width, lens.height])
    position = spot + [0.0, 0.0, 0.25 + half]  # above the other things, so that it falls on or beside them
    quaternion = rng.normal(size=4)
    quaternion /= np.linalg.norm(quaternion)
    return Thing(ODDMENT, "", "plain", 1.0, plan, plan.poses[0], position, quaternion, np.full(3, 0.5), surface)


def cutouts_of(folder: Path, category: str = IN_FRONT, most: int = 200, missing_ok: bool = False) -> list[np.ndarray]:
    """Cut things of a category out of photos in COCO's format; people, for their arms and hands.

    Annotations of images that are not listed or not there, and those without an outline, are left out; so are photos of
    the split "val".

    Returns:
        (h, w, 4) uint8 RGBA each, with sides of at least 40 pixels, in the order of the annotations.

    Raises:
        ValueError, OSError: the message names the file.
    """
    listed = Instances(folder / INSTANCES)
    kinds = {number: name for number, name in listed.categories().items() if name == category}
    places = photo_places(folder)
    found: list[np.ndarray] = []
    for number, part in listed.annotations:
        if len(found) == most:
            break
        if part.get("iscrowd") or not is_in(kinds, part.get("category_id")):
            continue
        photo = listed.image(part["image_id"])
        path = next((path for place in places if (path := place / photo.file_name).is_file()), None)
        if path is None or split_of(part["image_id"]) == "val":
            continue
        try:
            code = photo.outline(number, part)
        except coco_masks.NoOutline:
            continue
        mask = coco_masks.decode(code, photo.height, photo.width).view(np.uint8)
        x, y, width, height = cv2.boundingRect(mask)  # exporters leave the bbox out, or have one of an earlier outline
        if min(width, height) < SMALLEST_CUTOUT:
            continue
        rgb = photo.read(path)
        window = slice(y, y + height), slice(x, x + width)
        found.append(np.dstack([rgb[window], mask[window] * np.uint8(255)]))
    if not found and not missing_ok:
        raise ValueError(f"{listed.path}: has no {category} of {SMALLEST_CUTOUT} pixels and more to cut out")
    return found
