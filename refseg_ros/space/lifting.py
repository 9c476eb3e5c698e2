"""Lifts a mask into space: the position, orientation and size of the thing that it shows, from a depth image.

A camera sees only one side, so the box is an estimate:

1. `mask_surface.py` keeps the pixels of the mask whose depth is known and belongs to the thing.
2. `support_plane.py` fits the plane that the thing stands on to the surroundings of the mask. The plane gives the
   upward direction, without knowing gravity, and the bottom of the thing. The height of the thing is that of its
   highest visible point above the plane.
3. `symmetry.py` guesses the unseen back from the visible front by an upright axis or upright mirrors, as far as the
   depth image allows. A thing without such a symmetry keeps only its visible part.
4. `oriented_box.py` puts the tightest box around the result that stands upright on the plane.

If no plane is found, or the thing does not reach down to it (it is held, it falls, it fills the image), the box follows
the principal axes of the visible points; it is too small by the unseen part, and `supported` is false. A box is also
too small if something hides a part of the thing, or the image's border cuts it off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from refseg_ros.space.lifting_error import LiftingError
from refseg_ros.space.mask_surface import FARTHEST, LEAST_PIXELS, body_of, eroded, measured, of_one_thing, smoothed
from refseg_ros.space.oriented_box import OrientedBox, principal_box, standing_box
from refseg_ros.space.pinhole import Array, Lens
from refseg_ros.space.support_plane import find_support
from refseg_ros.space.symmetry import View, complete
from refseg_ros.space.transforms import Transform

MARGIN = 96
"""Pixels around the mask's box in which the support plane is looked for."""
LEAST_VALID = 0.2
"""Share of the eroded mask whose depth must be known."""


@dataclass(frozen=True, eq=False)
class Lifted:
    """A thing in space, in metres, in the camera's optical frame or in the frame it was moved into.

    Attributes:
        box: around the whole thing. Its centre is published as the centroid; the centre of mass, which no camera sees,
            may be elsewhere. If the thing is supported, the last axis points up and the first along the longer side of
            its ground plan. Otherwise the axes are the principal axes of the points, the longest first.
        supported: whether a plane was found under the thing, and its back was completed; see above.
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
        """The thing in another frame."""
        return replace(self, box=self.box.moved(transform), points=transform.move(self.points).astype(np.float32))


def lift(
    mask: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32], lens: Lens, image: npt.NDArray[np.uint8]
) -> Lifted:
    """Find the thing of a mask in space.

    Args:
        mask: (H, W), non-zero on the thing.
        depth: (H, W) metres along the optical axis, registered to the colour image; NaN, infinite, negative and 0
            mean unknown.
        lens: of the colour image.
        image: (H, W, 3) uint8 RGB.

    Raises:
        LiftingError: sizes do not match, the mask is empty, too little depth is known, or the calibration is wrong.
    """
    _check_sizes(mask, depth, lens, image)
    if not mask.any():
        raise LiftingError("empty", "the mask is empty")
    x, y, width, height = cv2.boundingRect((mask != 0).view(np.uint8))
    left, upper = max(0, x - MARGIN), max(0, y - MARGIN)
    part = np.s_[upper : y + height + MARGIN, left : x + width + MARGIN]
    shown, image, given = mask[part] != 0, image[part], depth[part]
    raw = measured(given)
    lens = lens.window(left, upper, shown.shape[1], shown.shape[0])
    core, border = eroded(shown)
    depth = of_one_thing(shown, core, raw, smoothed(raw), lens)
    count = int(np.count_nonzero(core))
    known = int(np.count_nonzero(core & np.isfinite(depth)))
    ratio = known / count
    if known < min(LEAST_PIXELS, count) or ratio < LEAST_VALID or known < 4:
        far = int(np.count_nonzero(core & np.isfinite(given) & (given >= FARTHEST)))
        hint = f"; of {far} it is {FARTHEST:g} m or more: are these millimetres?" if far > known else ""
        raise LiftingError("depth", f"depth is known of {known} of the {count} pixels inside the mask{hint}", ratio)
    rows, columns = np.nonzero(body_of(shown, core, depth, border, lens))
    if len(rows) < 4:
        raise LiftingError("depth", f"only {len(rows)} pixels of the mask are of one surface", ratio)
    points = lens.rays(columns, rows) * depth[rows, columns][:, None]
    shows = (np.abs(points) < 100.0 * FARTHEST).all(axis=1)  # not of NaN
    if np.count_nonzero(shows) < max(4, len(points) / 2):
        raise LiftingError("lens", "the calibration puts the thing nowhere; is it that of this camera?", ratio)
    rows, columns, points = rows[shows], columns[shows], points[shows]
    plane = find_support(shown, depth, lens, points)
    if plane is None:
        return _lifted(principal_box(points), False, ratio, points, image[rows, columns])
    high = plane.above(points) > plane.tolerance
    rows, columns, points = rows[high], columns[high], points[high]
    seen = np.zeros_like(shown)
    seen[rows, columns] = True
    axes = plane.axes()
    whole = complete(points @ axes.T, View(seen, depth, lens, axes, plane.noise))
    return _lifted(standing_box(whole, plane), True, ratio, points, image[rows, columns])


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
