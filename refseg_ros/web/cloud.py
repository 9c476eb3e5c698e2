"""What a depth camera sees, as points for the page's view in space.

Frame of the page: x right, y away from the camera, z up, as seen by the camera; metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refseg_ros.space.pinhole import Lens

MOST_POINTS = 20_000
FARTHEST = 4.0
"""Metres; what is farther away would make the rest small."""


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points of one moment."""

    points: npt.NDArray[np.float64]
    """(N, 3) metres, in the camera's optical frame."""
    colours: npt.NDArray[np.float64]
    """(N, 3) red, green and blue from 0 to 1."""


def cloud_of(rgb: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32], lens: Lens) -> Cloud:
    """The points of every n-th pixel in each direction, for at most MOST_POINTS.

    Args:
        rgb: (H, W, 3).
        depth: (H, W) metres along the optical axis, NaN where unknown; registered to `rgb`.
        lens: of both.
    """
    height, width = depth.shape
    step = max(1, int(np.ceil(np.sqrt(height * width / MOST_POINTS))))
    rows, columns = (part.ravel() for part in np.mgrid[0:height:step, 0:width:step])
    distances = depth[rows, columns]
    near = np.isfinite(distances) & (distances > 0.0) & (distances < FARTHEST)
    rows, columns = rows[near], columns[near]
    points = lens.rays(columns, rows) * distances[near, None].astype(np.float64)
    shows = np.isfinite(points).all(axis=1)
    return Cloud(points[shows], rgb[rows, columns][shows] / 255.0)


def upright(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Points (..., 3) of an optical frame in the frame of the page, z up."""
    turned: npt.NDArray[np.float64] = np.stack([points[..., 0], points[..., 2], -points[..., 1]], axis=-1)
    return turned
