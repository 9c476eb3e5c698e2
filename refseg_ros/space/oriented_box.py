"""Boxes around points in space: upright on a plane, or along the principal axes of the points."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from refseg_ros.space.pinhole import Array
from refseg_ros.space.support_plane import Plane
from refseg_ros.space.transforms import Transform


@dataclass(frozen=True, eq=False)
class OrientedBox:
    """A box in the camera's optical frame (x right, y down, z forward), or in the frame it was moved into.

    Attributes:
        centre: (3,) metres.
        axes: (3, 3) rotation; its columns are the directions of the box's edges in the frame.
        size: (3,) full lengths of these edges, metres.
    """

    centre: Array
    axes: Array
    size: Array

    def moved(self, transform: Transform) -> OrientedBox:
        """The box in another frame."""
        return OrientedBox(transform.move(self.centre), transform.rotation @ self.axes, self.size)


def standing_box(points: Array, plane: Plane) -> OrientedBox:
    """The tightest box that stands on the plane around points (N, 3) in the plane's frame."""
    (x, y), (first, second), degrees = cv2.minAreaRect(points[:, :2].astype(np.float32))
    top = float(points[:, 2].max()) - plane.height
    angle = np.radians(degrees + (90.0 if first < second else 0.0))
    turn = np.array([[np.cos(angle), -np.sin(angle), 0.0], [np.sin(angle), np.cos(angle), 0.0], [0.0, 0.0, 1.0]])
    axes = plane.axes()
    centre = np.array([x, y, plane.height + top / 2.0]) @ axes
    return OrientedBox(centre, axes.T @ turn, np.array([max(first, second), min(first, second), top]))


def principal_box(points: Array) -> OrientedBox:
    """The box around points (N, 3) along their principal axes, the longest first."""
    middle = points.mean(axis=0)
    axes = np.linalg.eigh(np.cov((points - middle).T))[1][:, ::-1]
    if np.linalg.det(axes) < 0.0:
        axes = axes * [1.0, 1.0, -1.0]
    along = (points - middle) @ axes
    low, high = along.min(axis=0), along.max(axis=0)
    return OrientedBox(middle + axes @ (low + high) / 2.0, axes, high - low)
