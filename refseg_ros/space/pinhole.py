"""The lens of a camera: converts pixels with a depth to points, and back.

Frame: the camera's optical frame, x right, y down, z forward, metres. Pixel (0, 0) is the upper left pixel's centre.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from refseg_ros.text import quoted

Array = npt.NDArray[np.float64]

_OPENCV_COEFFICIENTS = {"plumb_bob": (4, 5), "rational_polynomial": (4, 5, 8, 12, 14)}
"""How many each model may have; OpenCV takes missing ones for 0."""
_FISHEYE = ("equidistant", "fisheye")
DISTORTION_MODELS = (*_OPENCV_COEFFICIENTS, *_FISHEYE)
_UNTIL = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 40, 1e-3)
"""The search for a ray ends after so many steps, or at this error in pixels. OpenCV's five steps leave centimetres."""
_OFF, _LOST = 0.01, 0.5
"""Error in pixels of a ray projected back: beyond the first it is searched again, beyond the second it is NaN."""
_undistort_points = getattr(cv2, "undistortPointsIter", cv2.undistortPoints)
"""The function that takes criteria; OpenCV 4 has another name for it."""


class LensError(ValueError):
    """An unusable calibration; the message says what is wrong."""


@dataclass(frozen=True)
class Lens:
    """A calibrated camera: focal lengths and principal point in pixels of its image.

    `distortion` holds the coefficients of `model`: (k1, k2, p1, p2, k3) for "plumb_bob", the same and up to 9 more for
    "rational_polynomial", 4 for "equidistant". Coefficients that are all zero need no model. Zeros after those of the
    model, with which some drivers fill their list, change nothing.

    Raises:
        LensError: the focal lengths or the principal point are invalid, or the distortion model is not supported.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    model: str = ""
    distortion: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        numbers = (self.fx, self.fy, self.cx, self.cy, *self.distortion)
        if not all(map(math.isfinite, numbers)):
            raise LensError("the camera's calibration holds values that are not numbers")
        if self.fx <= 0.0 or self.fy <= 0.0:
            raise LensError(f"the camera is not calibrated: its focal lengths are {self.fx:g} and {self.fy:g} pixels")
        if not self.is_distorted:
            return
        counts = (4,) if self.model in _FISHEYE else _OPENCV_COEFFICIENTS.get(self.model)
        if counts is None:
            known = ", ".join(DISTORTION_MODELS)
            raise LensError(f"distortion model {quoted(self.model)} is not supported; supported are {known}")
        if len(self.coefficients) not in counts:
            wanted = " or ".join(map(str, counts))
            raise LensError(f"{self.model} has {wanted} coefficients, the calibration has {len(self.coefficients)}")

    @property
    def is_distorted(self) -> bool:
        """Whether any coefficient is not zero."""
        return any(self.distortion)

    @property
    def coefficients(self) -> tuple[float, ...]:
        """The distortion without the trailing zeros that the model has no place for."""
        counts = (4,) if self.model in _FISHEYE else _OPENCV_COEFFICIENTS.get(self.model, ())
        counting = max((index + 1 for index, value in enumerate(self.distortion) if value), default=0)
        fitting = (count for count in counts if counting <= count <= len(self.distortion))
        return self.distortion[: min(fitting, default=len(self.distortion))]

    @property
    def matrix(self) -> Array:
        """K, (3, 3)."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])

    def window(self, x: int, y: int, width: int, height: int) -> Lens:
        """The lens of the part of the image that begins at pixel (x, y)."""
        return replace(self, width=width, height=height, cx=self.cx - x, cy=self.cy - y)

    def rays(self, columns: npt.ArrayLike, rows: npt.ArrayLike) -> Array:
        """The points (N, 3) at depth 1 m that the pixels at `columns` (N,) and `rows` (N,) show.

        NaN for pixels where the model shows nothing, such as corners of a wide lens where its polynomial turns back.
        """
        pixels = np.stack([np.asarray(columns, np.float64), np.asarray(rows, np.float64)], axis=-1)
        if not self.is_distorted or not len(pixels):
            flat = (pixels - [self.cx, self.cy]) / [self.fx, self.fy]
            return np.concatenate([flat, np.ones((len(flat), 1))], axis=1)
        # OpenCV's few steps find most rays; those that do not project back to their pixel get more steps.
        points = self._looking(pixels, exact=False)
        found = self._distances(points, pixels) <= _OFF  # false for NaN
        if not found.all():
            rest = self._looking(pixels[~found], exact=True)
            comes_back = self._distances(rest, pixels[~found]) <= _LOST
            points[~found] = np.where(comes_back[:, None], rest, np.nan)
        return points

    def _distorted(self, flat: Array) -> Array:
        """Where the lens shows points (N, 2) of the plane at 1 m, in focal lengths from the principal point."""
        coefficients, still = np.asarray(self.coefficients), np.zeros(3)
        if self.model in _FISHEYE:
            return np.float64(cv2.fisheye.distortPoints(flat[:, None], np.eye(3), coefficients)[:, 0])
        if any(coefficients[12:]):  # a tilted sensor
            scene = np.concatenate([flat, np.ones((len(flat), 1))], axis=1)
            return np.float64(cv2.projectPoints(scene, still, still, np.eye(3), coefficients)[0][:, 0])
        # OpenCV's model, as its calib3d documents it; cv2.projectPoints takes 50 times as long.
        k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4 = (*coefficients, *np.zeros(12))[:12]
        x, y = flat.T
        r2 = x * x + y * y
        radial = (1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))) / (1.0 + r2 * (k4 + r2 * (k5 + r2 * k6)))
        across = x * radial + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x) + r2 * (s1 + r2 * s2)
        down = y * radial + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y + r2 * (s3 + r2 * s4)
        return np.stack([across, down], axis=1)

    def _looking(self, pixels: Array, exact: bool) -> Array:
        coefficients = np.asarray(self.coefficients)
        if self.model in _FISHEYE:
            found = cv2.fisheye.undistortPoints(pixels[:, None], self.matrix, coefficients)
        elif exact:
            found = _undistort_points(pixels[:, None], self.matrix, coefficients, R=None, P=None, criteria=_UNTIL)
        else:
            found = cv2.undistortPoints(pixels[:, None], self.matrix, coefficients)
        return np.concatenate([np.float64(found[:, 0]), np.ones((len(found), 1))], axis=1)

    def _distances(self, points: Array, pixels: Array) -> Array:
        """How far from pixels (N, 2) the points (N, 3) are shown, (N,) pixels."""
        distances: Array = np.abs(self.project(points) - pixels).max(axis=1)
        return distances

    def project(self, points: Array) -> Array:
        """The pixels (N, 2), not rounded, of points (N, 3); NaN for points that are not in front of the camera."""
        ahead = points[:, 2] > 0.0
        depth = np.where(ahead, points[:, 2], 1.0)
        flat = points[:, :2] / depth[:, None]
        if self.is_distorted and len(points):
            flat = self._distorted(flat)
        pixels = flat * [self.fx, self.fy] + [self.cx, self.cy]
        return np.where(ahead[:, None], pixels, np.nan)


def lens_of(
    size: tuple[int, int],
    k: Sequence[float],
    model: str = "",
    distortion: Sequence[float] = (),
    binning: tuple[int, int] = (1, 1),
    offset: tuple[int, int] = (0, 0),
) -> Lens:
    """The lens of an image that is a part of the calibrated image, or coarser.

    Args:
        size: (width, height) of the image.
        k: the nine values of K, row by row, in pixels of the calibrated image.
        model: name of the distortion model, see `Lens`; some drivers write it in capitals.
        distortion: its coefficients.
        binning: how many calibrated pixels make one pixel of the image, across and down; 0 means 1.
        offset: the calibrated pixel (x, y) where the image begins.

    Raises:
        LensError: as `Lens`.
    """
    if len(k) != 9:
        raise LensError(f"the matrix K of a camera has 9 values, this one has {len(k)}")
    across, down = (max(1, int(number)) for number in binning)
    fx, fy = float(k[0]) / across, float(k[4]) / down
    cx = (float(k[2]) - offset[0] + 0.5) / across - 0.5
    cy = (float(k[5]) - offset[1] + 0.5) / down - 0.5
    return Lens(size[0], size[1], fx, fy, cx, cy, model.strip().lower(), tuple(map(float, distortion)))
