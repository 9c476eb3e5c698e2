"""Draws a scene of scans from a seed: some things of a folder at their own size, laid out or in a heap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from refseg_ros.simulation.free_places import Places
from refseg_ros.simulation.objects import Pose
from refseg_ros.simulation.scans import Scan, ScanSet
from refseg_ros.simulation.scene import Scene, Thing, draw_camera, furnished, lay
from refseg_ros.space.rotations import rotation

Array = NDArray[np.float64]

FEWEST_THINGS, MOST_THINGS = 3, 10
HEAPS = 0.35
"""Share of scenes in which the things are dropped on each other."""

_SCALES = (0.92, 1.08)  # no two mugs have exactly the same size
_HELD_OUT_SHARE = 0.5  # share of the things in a held-out scene


def draw_scan_scene(seed: int, split: str, size: tuple[int, int], objects: ScanSet) -> Scene:
    """Draw the scene of a seed (>= 0) and split for an image of (width, height) pixels; it has at least one thing."""
    rng = np.random.default_rng([seed, split == "held_out", 2])
    things: list[Thing] = []
    while not things:
        chosen = _choose(objects, split, int(rng.integers(FEWEST_THINGS, MOST_THINGS + 1)), rng)
        sizes = [float(scan.size.max()) for scan in chosen]
        spread = max(float(np.linalg.norm(sizes)), 1.6 * max(sizes))
        seen = float(np.clip(spread * rng.uniform(1.5, 2.6), 0.2, 1.1))
        camera = draw_camera(seen, size, rng, angles=(36.0, 56.0), steepest=65.0, nearest=0.25)
        if rng.uniform() < HEAPS:
            things = _heap(chosen, 0.3 * float(np.linalg.norm(sizes)), rng)
        else:
            places = Places(camera, rng)
            things = [thing for thing in (_lay(scan, places, rng) for scan in chosen) if thing is not None]
    return furnished(things, camera, split, rng)


def _choose(objects: ScanSet, split: str, count: int, rng: Generator) -> list[Scan]:
    """Draw things with much in common: half share a name or the colour with an earlier thing."""
    everything = objects.of_split(split) or objects.scans
    new = [scan for scan in everything if scan.held_out]
    chosen: list[Scan] = []
    for _ in range(count):
        among: Sequence[Scan] = new if new and rng.uniform() < _HELD_OUT_SHARE else everything
        earlier = chosen[int(rng.integers(len(chosen)))] if chosen else None
        way = float(rng.uniform())
        if earlier is not None and way < 0.35:
            among = [scan for scan in everything if {*scan.names} & {*earlier.names}]
        elif earlier is not None and way < 0.55:
            among = [scan for scan in everything if scan.colour == earlier.colour]
        nouns = sorted({scan.names[0] for scan in among})  # one lemon is drawn as often as ten cups together
        noun = nouns[int(rng.integers(len(nouns)))]
        among = [scan for scan in among if scan.names[0] == noun]
        chosen.append(among[int(rng.integers(len(among)))])
    return chosen


def _lay(scan: Scan, places: Places, rng: Generator) -> Thing | None:
    scale = float(rng.uniform(*_SCALES))
    laid = lay(scan.blueprint, scale, places, rng, gap=0.002)
    return None if laid is None else _thing(scan, scale, *laid)


def _heap(chosen: Sequence[Scan], radius: float, rng: Generator) -> list[Thing]:
    """Hold the things above each other, in any rotation, near the middle of the table; physics drops them."""
    things, height = [], 0.005
    for scan in chosen:
        scale = float(rng.uniform(*_SCALES))
        quaternion = rng.normal(size=4)
        quaternion /= np.linalg.norm(quaternion)
        corners = scan.blueprint.vertices() @ rotation(quaternion).T * scale
        low, high = float(corners[:, 2].min()), float(corners[:, 2].max())
        spot = np.array([*rng.normal(0.0, radius, 2), height - low])
        pose = scan.blueprint.poses[int(rng.integers(len(scan.blueprint.poses)))]
        things.append(_thing(scan, scale, pose, spot, quaternion))
        height += 0.6 * (high - low)
    return things


def _thing(scan: Scan, scale: float, pose: Pose, position: Array, quaternion: Array) -> Thing:
    return Thing(
        class_name=scan.names[0],
        colour=scan.colour,
        finish="scanned",
        scale=scale,
        blueprint=scan.blueprint,
        pose=pose,
        position=position,
        quaternion=quaternion,
        rgb=np.full(3, 0.5),
        texture=scan.texture,
        names=scan.names,
        other_colours=scan.other_colours,
    )
