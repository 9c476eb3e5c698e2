"""The plane that a thing stands on, found around its mask: it gives the upward direction and the thing's bottom."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from refseg_ros.space.pinhole import Array, Lens

TRIALS = 120
MOST_POINTS = 1500
LEAST_POINTS = 60
LEAST_SHARE = 0.35
"""Share of the surroundings that must lie in the plane."""
RING_SHARE = 0.35
"""Width of the surroundings, as a share of the larger side of the mask's box."""
NEAREST_PLANE, PLANE_PER_METRE = 0.003, 0.003
"""How far a point of the plane may be off it, in metres, and how much more per metre of distance."""
LEAST_NOISE = 0.002
"""Metres; the width of the pixels alone can move a point so far."""
MOST_GAP = 0.6
"""How far the lowest visible point may be above the plane, as a share of the thing's height."""


@dataclass(frozen=True, eq=False)
class Plane:
    """All points p with p @ up == height; `up` is of unit length, towards the camera's side. Optical frame, metres."""

    up: Array
    height: float
    tolerance: float
    """How far off the plane one of its points may be, in metres."""
    noise: float
    """How far off nearly all its points are, in metres: how exact depth is here."""

    def above(self, points: Array) -> Array:
        """Heights (N,) of points (N, 3) above the plane, metres."""
        return points @ self.up - self.height

    def axes(self) -> Array:
        """The plane's frame, (3, 3): rows are two axes in the plane and `up`."""
        across = np.cross([0.0, 0.0, 1.0], self.up)
        if np.linalg.norm(across) < 1e-3:
            across = np.cross([0.0, 1.0, 0.0], self.up)
        across /= np.linalg.norm(across)
        return np.stack([across, np.cross(self.up, across), self.up])


def tolerance_at(distance: float) -> float:
    """The assumed error of depth at a distance, both in metres."""
    return NEAREST_PLANE + PLANE_PER_METRE * distance


def find_support(mask: npt.NDArray[np.bool_], depth: npt.NDArray[np.float32], lens: Lens, thing: Array) -> Plane | None:
    """The plane under a thing; None if no plane is visible around it.

    RANSAC with a fixed seed: planes through three random points are tried. The one that contains most of the
    surroundings is taken, if the thing is above it and reaches down to it.

    Args:
        mask: (H, W) of the thing, not eroded.
        depth: (H, W) metres, NaN where unknown.
        lens: of both.
        thing: (N, 3) points of the thing, metres.
    """
    around = _surroundings(mask, depth, lens)
    least = max(LEAST_POINTS, LEAST_SHARE * len(around))
    rng = np.random.default_rng(0)
    if len(around) > MOST_POINTS:
        least *= MOST_POINTS / len(around)
        around = around[rng.choice(len(around), MOST_POINTS, replace=False)]
    while len(around) >= max(least, 3):
        plane = _largest(around, rng)
        inside = np.abs(plane.above(around)) <= plane.tolerance
        if np.count_nonzero(inside) < least:
            return None
        if _carries(plane, thing):
            return plane
        around = around[~inside]
    return None


def _largest(points: Array, rng: np.random.Generator) -> Plane:
    """The plane through three random points that contains most points (N, 3), refined; it faces the camera."""
    tolerance = tolerance_at(float(np.median(points[:, 2])))
    corners = points[rng.integers(0, len(points), (TRIALS, 3))]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1), 1e-12)[:, None]
    heights = np.einsum("ij,ij->i", corners[:, 0], normals)
    flip = np.where(heights > 0.0, -1.0, 1.0)  # the camera, at the origin, is above
    normals, heights = normals * flip[:, None], heights * flip
    inside = np.count_nonzero(np.abs(points @ normals.T - heights) <= tolerance, axis=0)
    best = int(np.argmax(inside * (np.linalg.norm(normals, axis=1) > 0.5)))
    return _refined(Plane(normals[best], float(heights[best]), tolerance, tolerance), points)


def _surroundings(mask: npt.NDArray[np.bool_], depth: npt.NDArray[np.float32], lens: Lens) -> Array:
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    reach = int(np.clip(RING_SHARE * max(width, height), 6, 80))
    low_x, low_y = max(0, x - reach), max(0, y - reach)
    window = np.s_[low_y : y + height + reach, low_x : x + width + reach]
    thing = mask[window].view(np.uint8)
    gap = cv2.dilate(thing, np.ones((5, 5), np.uint8))
    near = cv2.dilate(thing, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    rows, columns = np.nonzero((near > gap) & np.isfinite(depth[window]))
    rows, columns = rows + low_y, columns + low_x
    points = lens.rays(columns, rows) * depth[rows, columns][:, None]
    return points[np.isfinite(points).all(axis=1)]


def _refined(plane: Plane, points: Array) -> Plane:
    """The least-squares plane of the points that lie in the given one, computed twice."""
    for _ in range(2):
        inside = points[np.abs(plane.above(points)) <= plane.tolerance]
        if len(inside) < 3:
            return plane
        middle = inside.mean(axis=0)
        up = np.linalg.svd(inside - middle, full_matrices=False)[2][2]
        up = up if middle @ up < 0.0 else -up
        off = np.abs(inside @ up - middle @ up)
        noise = float(np.clip(4.0 * np.median(off), LEAST_NOISE, plane.tolerance))
        plane = Plane(up, float(middle @ up), plane.tolerance, noise)
    return plane


def _carries(plane: Plane, thing: Array) -> bool:
    lowest, highest = np.percentile(plane.above(thing), [2.0, 98.0])
    return bool(lowest > -2.0 * plane.tolerance and highest > plane.tolerance and lowest < MOST_GAP * highest)
