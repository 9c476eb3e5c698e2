"""The simulated camera, an ideal pinhole, and the area of a thing in its image when nothing hides it.

World frame: z up, the table is the plane z = 0. Camera optical frame: x right, y down, z forward. Pixel (0, 0) is the
centre of the upper left pixel, so the principal point of an image W wide is at (W - 1) / 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from refseg_ros.space.pinhole import Lens

Array = NDArray[np.float64]
_FINER = 4  # canvas pixels per image pixel and axis when a silhouette is drawn


@dataclass(frozen=True)
class Camera:
    """A camera without roll: its place (world, metres), its axes in the world (rows right, down, forward), its lens."""

    position: Array
    axes: Array
    intrinsics: Lens

    def to_optical(self, points: Array) -> Array:
        """Return world points (..., 3) in the optical frame, metres."""
        return (points - self.position) @ self.axes.T

    def project(self, points: Array) -> Array:
        """Return the pixels (..., 2) of world points (..., 3), which must lie in front of the camera."""
        optical = self.to_optical(points)
        lens = self.intrinsics
        return optical[..., :2] / optical[..., 2:] * [lens.fx, lens.fy] + [lens.cx, lens.cy]

    def on_table(self, pixel: Sequence[float]) -> Array:
        """Return where the ray of a pixel below the horizon meets the table, world (3,), metres."""
        lens = self.intrinsics
        ray = np.array([(pixel[0] - lens.cx) / lens.fx, (pixel[1] - lens.cy) / lens.fy, 1.0]) @ self.axes
        return self.position - ray * (self.position[2] / ray[2])

    @property
    def away(self) -> Array:
        """The direction on the table that points away from the viewer: a unit vector (3,) in the world."""
        right = self.axes[0]
        return np.array([-right[1], right[0], 0.0])

    def ground(self, point: Array) -> tuple[float, float]:
        """Return where a world point is along the table: metres to the viewer's right, metres away from the viewer."""
        offset = point - self.position
        return float(offset @ self.axes[0]), float(offset @ self.away)


def look_at(
    target: Array, yaw: float, pitch: float, distance: float, vertical_angle: float, size: tuple[int, int]
) -> Camera:
    """Return a camera `distance` metres from a target, looking at it, `pitch` radians below the horizon, heading `yaw`.

    `vertical_angle` is the vertical field of view in radians, `size` the image's (width, height) in pixels.
    """
    forward = np.array([np.cos(pitch) * np.cos(yaw), np.cos(pitch) * np.sin(yaw), -np.sin(pitch)])
    right = np.array([np.sin(yaw), -np.cos(yaw), 0.0])
    width, height = size
    focal = height / 2.0 / float(np.tan(vertical_angle / 2.0))
    lens = Lens(width, height, focal, focal, (width - 1) / 2.0, (height - 1) / 2.0)
    return Camera(target - distance * forward, np.stack([right, np.cross(forward, right), forward]), lens)


def surface_area(camera: Camera, points: Array, faces: NDArray[np.int64]) -> float:
    """As `silhouette_area`, for a mesh of any shape with vertices (V, 3) in the world and faces (F, 3)."""
    lens = camera.intrinsics
    half = np.array([lens.width, lens.height]) / 2.0
    pixels = np.clip(camera.project(points), -half, 3.0 * half)
    low = np.floor(pixels.min(axis=0))
    across, down = np.ceil(pixels.max(axis=0) - low).astype(int) + 2
    canvas = np.zeros((down, across), dtype=np.uint8)
    triangles = (pixels - low)[faces]
    tiny = np.ptp(triangles, axis=1).max(axis=1) < 1.0  # most triangles; drawing their corners is enough
    x, y = np.rint(triangles[tiny].reshape(-1, 2)).astype(int).T
    canvas[y, x] = 1
    for triangle in np.rint(triangles[~tiny] * 16.0).astype(np.int32):
        cv2.fillConvexPoly(canvas, triangle, 1, shift=4)  # corners in 1/16 of a pixel
    return float(np.count_nonzero(canvas))


def silhouette_area(camera: Camera, pieces: Sequence[Array]) -> float:
    """Return how many pixels convex pieces, world points (K, 3) each, would cover if nothing hid them.

    Parts up to half an image beyond the border count too, so that a part that is cut off counts as hidden.
    """
    lens = camera.intrinsics
    half = np.array([lens.width, lens.height]) / 2.0
    sizes = np.cumsum([len(piece) for piece in pieces])[:-1]
    pixels = np.clip(camera.project(np.concatenate(pieces)), -half, 3.0 * half)
    low = np.floor(pixels.min(axis=0))
    across, down = np.ceil(_FINER * (pixels.max(axis=0) - low)).astype(int) + 1
    canvas = np.zeros((down, across), dtype=np.uint8)
    for outline in np.split(np.rint((pixels - low) * _FINER * 16.0).astype(np.int32), sizes):
        cv2.fillConvexPoly(canvas, cv2.convexHull(outline), 1, shift=4)  # corners in 1/16 of a canvas pixel
    return float(np.count_nonzero(canvas)) / _FINER**2
