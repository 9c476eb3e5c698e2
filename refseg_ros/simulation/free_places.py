"""Finds free places on the table: things do not touch, hardly hide each other, and lie inside the image."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from refseg_ros.simulation.camera import Camera

Array = NDArray[np.float64]

_TRIALS = 40
_GAP = 0.008  # metres between the upright cylinders about two things
_MOST_OVERLAP = 0.3  # share of the smaller of two boxes in the image
_MAY_BE_CUT_OFF = 0.08  # share of places that may reach over the image's border


class Places:
    """The places of one scene, in the order in which they were taken."""

    def __init__(self, camera: Camera, rng: Generator) -> None:
        self._camera, self._rng = camera, rng
        self._taken: list[tuple[Array, float]] = []
        self._boxes: list[Array] = []

    def find(self, radius: float, height: float) -> Array | None:
        """Take a free place on the table (3,), world, for an upright cylinder (metres); None if no place was found."""
        lens, rng = self._camera.intrinsics, self._rng
        size = np.array([lens.width, lens.height])
        angle = np.linspace(0.0, 2.0 * np.pi, 8, endpoint=False)
        ring = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1) * radius * 0.92
        outline = np.concatenate([ring, ring + [0.0, 0.0, height]])
        for _ in range(_TRIALS):
            place = self._camera.on_table(rng.uniform([0.06, 0.16], [0.94, 0.94]) * size)
            if any(np.linalg.norm(place - other) < radius + reach + _GAP for other, reach in self._taken):
                continue
            pixels = self._camera.project(place + outline)
            bounds = np.concatenate([pixels.min(axis=0), pixels.max(axis=0)])
            slack = 0.06 * size if rng.uniform() < _MAY_BE_CUT_OFF else -0.01 * size
            if np.any(bounds[:2] < -slack) or np.any(bounds[2:] > size - 1 + slack):
                continue
            if any(_overlap(bounds, other) > _MOST_OVERLAP for other in self._boxes):
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
