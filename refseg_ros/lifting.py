"""From a mask and a depth image to the thing in space: where its middle is, how it lies, how large it is.

A camera sees one side only, so the whole is an estimate, made as follows:

1. Of the mask only the pixels count whose depth is known and belongs to the thing: the eroded mask is believed, the
   border taken off is believed where its depth goes on from there. Small pieces beyond a jump in depth drop out.
2. The plane that the thing stands on is fitted to what is around the mask. It says which way is up, so gravity need
   not be known, and where the thing ends below: its height is that of its highest visible point above the plane.
3. The unseen back is guessed from the seen front by an upright axis or upright mirrors, as far as the depth image
   allows (`symmetry.py`). Of a thing without such a symmetry only the seen part counts.
4. The box stands upright on the plane and is the tightest around the ground plan of that.

Where no plane is found, or the thing does not come down to it (it is held, it falls, it fills the image), the box is
that of the visible points along their principal axes, too small by what is unseen, and `supported` is false. A box is
also too small where something hides a part of the thing, or the image's border cuts it off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from refseg_ros.pinhole import Array, Lens
from refseg_ros.support_plane import Plane, find_support
from refseg_ros.symmetry import Scene, complete
from refseg_ros.transforms import Transform

FARTHEST = 100.0
"""Depth in metres from which on a value counts as unknown."""
MARGIN = 96
"""Pixels around the mask's box that count, too."""
LEAST_PIXELS = 30
"""Pixels of known depth that a thing must have."""
LEAST_VALID = 0.2
"""Share of the eroded mask whose depth must be known."""
ERODED_SHARE, MOST_ERODED = 0.03, 4
"""Pixels taken off the mask: this share of the root of its area, at least 1 and at most so many."""
STEEPEST = 8.0
"""How many times a pixel's width on a thing its depth may grow from a pixel to the next: seen at 83 degrees."""
LEAST_PIECE = 0.05
"""Share of the largest piece of a thing that another must have to belong to it."""


class LiftingError(ValueError):
    """A mask that cannot be lifted; the message says why in one line.

    Attributes:
        kind: "size" where mask, depth, image and lens are not of one size, "empty" where the mask is too small, "depth"
            where too little depth is known, "lens" where the calibration puts points nowhere.
        valid_ratio: share of the eroded mask whose depth is known, 0 to 1.
    """

    def __init__(self, kind: str, reason: str, valid_ratio: float = 0.0) -> None:
        super().__init__(reason)
        self.kind = kind
        self.valid_ratio = valid_ratio


@dataclass(frozen=True, eq=False)
class OrientedBox:
    """A box in the camera's optical frame (x right, y down, z forward), or in the one that it was moved into.

    Attributes:
        centre: (3,) metres.
        axes: (3, 3) rotation; its columns are the directions of the box's edges in the frame.
        size: (3,) metres, the whole length along each of these.
    """

    centre: Array
    axes: Array
    size: Array


@dataclass(frozen=True, eq=False)
class Lifted:
    """A thing in space, in the camera's optical frame or in the one that it was moved into, metres.

    Attributes:
        box: around the whole thing. Its centre is what is published as the centroid; the centre of mass, which no
            camera sees, may be elsewhere. Of a supported thing the last axis points up, the first along the longer
            side of the ground plan; else the axes are those along which the points spread, the widest first.
        supported: whether it stands on a plane that was found, and its back was completed; see above.
        valid_ratio: share of the eroded mask whose depth is known, 0 to 1.
        points: (N, 3) float32, the visible surface.
        colours: (N, 3) uint8 RGB of the points.
    """

    box: OrientedBox
    supported: bool
    valid_ratio: float
    points: npt.NDArray[np.float32]
    colours: npt.NDArray[np.uint8]

    def moved(self, transform: Transform) -> Lifted:
        """The same thing in another frame."""
        box = OrientedBox(transform.move(self.box.centre), transform.rotation @ self.box.axes, self.box.size)
        return replace(self, box=box, points=transform.move(self.points).astype(np.float32))


def lift(
    mask: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32], lens: Lens, image: npt.NDArray[np.uint8]
) -> Lifted:
    """Find the thing that a mask shows in space.

    Args:
        mask: (H, W), not 0 where the thing is.
        depth: (H, W) metres along the optical axis, registered to the colour image; what is NaN, infinite, negative
            or 0 is unknown.
        lens: of the colour image.
        image: (H, W, 3) uint8 RGB.

    Raises:
        LiftingError: sizes do not fit, the mask is empty, too little depth is known, or the calibration is nonsense.
    """
    _check_sizes(mask, depth, lens, image)
    if not mask.any():
        raise LiftingError("empty", "the mask is empty")
    x, y, width, height = cv2.boundingRect((mask != 0).view(np.uint8))
    left, upper = max(0, x - MARGIN), max(0, y - MARGIN)
    part = np.s_[upper : y + height + MARGIN, left : x + width + MARGIN]
    shown, image, depth = mask[part] != 0, image[part], _cleaned(depth[part])
    lens = lens.window(left, upper, shown.shape[1], shown.shape[0])
    core, border = _eroded(shown)
    count = int(np.count_nonzero(core))
    known = int(np.count_nonzero(core & np.isfinite(depth)))
    ratio = known / count
    if known < min(LEAST_PIXELS, count) or ratio < LEAST_VALID or known < 4:
        raise LiftingError("depth", f"depth is known of {known} of the {count} pixels inside the mask", ratio)
    rows, columns = np.nonzero(_body(shown, core, depth, border, lens))
    if len(rows) < 4:
        raise LiftingError("depth", f"only {len(rows)} pixels of the mask are of one surface", ratio)
    points = lens.rays(columns, rows) * depth[rows, columns][:, None]
    if not (np.abs(points) < 100.0 * FARTHEST).all():  # nor is what is no number
        raise LiftingError("lens", "the calibration puts the thing nowhere; is it that of this camera?", ratio)
    plane = find_support(shown, depth, lens, points)
    if plane is None:
        return _lifted(_principal_box(points), False, ratio, points, image[rows, columns])
    high = plane.above(points) > plane.tolerance
    rows, columns, points = rows[high], columns[high], points[high]
    seen = np.zeros_like(shown)
    seen[rows, columns] = True
    axes = plane.axes()
    whole = complete(points @ axes.T, Scene(seen, depth, lens, axes, plane.noise))
    return _lifted(_standing_box(whole, plane), True, ratio, points, image[rows, columns])


def _lifted(box: OrientedBox, supported: bool, ratio: float, points: Array, colours: npt.NDArray[np.uint8]) -> Lifted:
    return Lifted(box, supported, ratio, points.astype(np.float32), colours)


def _check_sizes(
    mask: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32], lens: Lens, image: npt.NDArray[np.uint8]
) -> None:
    height, width = mask.shape
    if depth.shape != mask.shape:
        raise LiftingError(
            "size",
            f"depth of {depth.shape[1]}x{depth.shape[0]} pixels does not fit the image of {width}x{height}; "
            "it must be registered to the colour camera",
        )
    if (lens.width, lens.height) != (width, height) or image.shape[:2] != mask.shape:
        raise LiftingError(
            "size", f"camera_info is for {lens.width}x{lens.height} pixels, the image has {width}x{height}"
        )


def _cleaned(depth: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Depth with NaN where it is unknown, and the median of 3 x 3 pixels where all of them are known."""
    with np.errstate(invalid="ignore"):
        known = (depth > 0.0) & (depth < FARTHEST)
    smooth = cv2.medianBlur(np.where(known, depth, 0.0).astype(np.float32), 3)
    whole = cv2.erode(known.view(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.where(known, np.where(whole, smooth, depth), np.nan).astype(np.float32)


def _eroded(mask: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.bool_], int]:
    """The mask without its border, and how many pixels wide that is; a mask that would vanish stays as it is."""
    width = int(np.clip(round(ERODED_SHARE * np.sqrt(np.count_nonzero(mask))), 1, MOST_ERODED))
    kernel = np.ones((3, 3), np.uint8)
    core = cv2.erode(
        mask.astype(np.uint8), kernel, iterations=width, borderType=cv2.BORDER_CONSTANT, borderValue=0
    ).astype(bool)
    return (core, width) if np.count_nonzero(core) >= LEAST_PIXELS else (mask, 0)


def _body(
    mask: npt.NDArray[np.bool_], core: npt.NDArray[np.bool_], depth: npt.NDArray[np.float32], border: int, lens: Lens
) -> npt.NDArray[np.bool_]:
    """The pixels of the thing itself: the large pieces of the core, and of the mask what goes on from them in depth.

    Pieces end where depth jumps. Small ones are table or neighbours that the mask took along.
    """
    kernel = np.ones((3, 3), np.uint8)
    known = core & np.isfinite(depth)
    step = STEEPEST * float(np.median(depth[known])) / lens.fx
    nearest = cv2.erode(np.where(known, depth, np.float32(np.inf)), kernel)
    farthest = cv2.dilate(np.where(known, depth, np.float32(-np.inf)), kernel)
    smooth = known & (np.where(known, farthest, 0.0) - np.where(known, nearest, 0.0) < 2.0 * step)
    _, pieces, statistics, _ = cv2.connectedComponentsWithStats(smooth.view(np.uint8))
    areas = statistics[:, cv2.CC_STAT_AREA]
    areas[0] = 0  # what is in no piece
    large = areas >= max(1.0, LEAST_PIECE * areas.max())
    body = large[pieces] if large.any() else known
    for _ in range(border + 1):
        nearest = cv2.erode(np.where(body, depth, np.float32(np.inf)), kernel)
        farthest = cv2.dilate(np.where(body, depth, np.float32(-np.inf)), kernel)
        with np.errstate(invalid="ignore"):
            body = body | (mask & (depth > nearest - step) & (depth < farthest + step))
    return body


def _standing_box(points: Array, plane: Plane) -> OrientedBox:
    """The tightest box around points (N, 3) of the support's frame that stands on the plane."""
    (x, y), (first, second), degrees = cv2.minAreaRect(points[:, :2].astype(np.float32))
    top = float(points[:, 2].max()) - plane.height
    angle = np.radians(degrees + (90.0 if first < second else 0.0))
    turn = np.array([[np.cos(angle), -np.sin(angle), 0.0], [np.sin(angle), np.cos(angle), 0.0], [0.0, 0.0, 1.0]])
    axes = plane.axes()
    centre = np.array([x, y, plane.height + top / 2.0]) @ axes
    return OrientedBox(centre, axes.T @ turn, np.array([max(first, second), min(first, second), top]))


def _principal_box(points: Array) -> OrientedBox:
    """The box around points (N, 3) along the directions in which they spread, the widest first."""
    middle = points.mean(axis=0)
    axes = np.linalg.eigh(np.cov((points - middle).T))[1][:, ::-1]
    if np.linalg.det(axes) < 0.0:
        axes = axes * [1.0, 1.0, -1.0]
    along = (points - middle) @ axes
    low, high = along.min(axis=0), along.max(axis=0)
    return OrientedBox(middle + axes @ (low + high) / 2.0, axes, high - low)
