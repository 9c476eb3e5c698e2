"""The pixels of a mask whose depth is known and belongs to the thing itself.

The eroded mask is trusted. The border that was taken off is trusted where its depth continues from there. Small pieces
beyond a jump in depth drop out. So does whatever lies farther behind the nearest piece than the mask is wide there,
such as a wall seen through glass. If the nearest piece is the smaller part, it is unclear which one is the thing, and
the mask is refused. The same holds if that part is scattered pixels or lines, such as the wires of a basket.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from refseg_ros.space.lifting_error import LiftingError
from refseg_ros.space.pinhole import Lens

FARTHEST = 100.0
"""Metres; depth from here on counts as unknown."""
LEAST_PIXELS = 30
"""How many pixels of known depth a thing needs."""
ERODED_SHARE, MOST_ERODED = 0.03, 4
"""Pixels eroded from the mask: this share of the square root of its area, at least 1 and at most MOST_ERODED."""
STEEPEST = 8.0
"""Largest growth of depth from one pixel to the next, in widths of a pixel on the thing: a surface at 83 degrees."""
LEAST_PIECE = 0.05
"""Smallest size of a piece of the thing, as a share of its largest piece."""
LEAST_SCATTERED = 0.1
"""Smallest share of the pixels that a part scattered over the mask must have; fewer are noise."""


def measured(depth: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Depth with NaN where it is unknown."""
    with np.errstate(invalid="ignore"):
        return np.where((depth > 0.0) & (depth < FARTHEST), depth, np.nan).astype(np.float32)


def smoothed(depth: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The median of 3 x 3 pixels where all of them are known, of what `measured` gives."""
    known = np.isfinite(depth)
    smooth = cv2.medianBlur(np.where(known, depth, np.float32(0.0)), 3)
    whole = cv2.erode(known.view(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.where(whole, smooth, depth)


def eroded(mask: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.bool_], int]:
    """The mask without its border, and the border's width in pixels (0: a mask that would vanish is kept)."""
    width = int(np.clip(round(ERODED_SHARE * np.sqrt(np.count_nonzero(mask))), 1, MOST_ERODED))
    kernel = np.ones((3, 3), np.uint8)
    core = cv2.erode(
        mask.astype(np.uint8), kernel, iterations=width, borderType=cv2.BORDER_CONSTANT, borderValue=0
    ).astype(bool)
    return (core, width) if np.count_nonzero(core) >= LEAST_PIXELS else (mask, 0)


def of_one_thing(
    mask: npt.NDArray[np.bool_],
    core: npt.NDArray[np.bool_],
    raw: npt.NDArray[np.float32],
    depth: npt.NDArray[np.float32],
    lens: Lens,
) -> npt.NDArray[np.float32]:
    """Mark depth as unknown (NaN) where the mask shows something too far behind its nearest part to be one thing.

    Args:
        mask: (H, W) of the thing.
        core: what `eroded` leaves of it.
        raw: (H, W) metres as `measured` gives them; scattered pixels are visible only there.
        depth: the same, `smoothed`.
        lens: of all.

    Raises:
        LiftingError: the nearest part is the smaller one.
    """
    known = core & np.isfinite(depth)
    if not known.any():
        return depth
    _, _, width, height = cv2.boundingRect(mask.view(np.uint8))
    width_per_metre = float(np.hypot(width / lens.fx, height / lens.fy))
    _nearest(raw[known], width_per_metre, lambda sizes: min(max(sizes), LEAST_SCATTERED * sum(sizes)))
    nearest = _nearest(depth[_surfaces(known, depth, lens)], width_per_metre, lambda sizes: LEAST_PIECE * max(sizes))
    reach = width_per_metre * nearest[-1]
    with np.errstate(invalid="ignore"):
        apart = mask & ((depth > nearest[-1] + reach) | (depth < nearest[0] - reach))
    return np.where(apart, np.float32(np.nan), depth)


def _nearest(
    values: npt.NDArray[np.float32], width_per_metre: float, least: Callable[[list[int]], float]
) -> npt.NDArray[np.float32]:
    """Split depths where they are farther apart than the thing is wide; return the nearest group, sorted.

    Args:
        values: (N,) metres.
        width_per_metre: width of the thing at a depth of one metre.
        least: from the sizes of all groups, the smallest size that counts.

    Raises:
        LiftingError: it is smaller than all others together.
    """
    values = np.sort(values)
    ends = np.flatnonzero(np.diff(values) > width_per_metre * values[:-1])
    groups = np.split(values, ends + 1)
    fewest = least(list(map(len, groups)))
    nearest, *others = [group for group in groups if len(group) >= fewest]
    if len(nearest) < sum(map(len, others)):
        places = " and ".join(f"{float(np.median(group)):.2f}" for group in (nearest, others[0]))
        share = len(nearest) / len(values)
        raise LiftingError("depth", f"the mask shows what is {places} m away; is it glass, or is depth broken?", share)
    return nearest


def body_of(
    mask: npt.NDArray[np.bool_], core: npt.NDArray[np.bool_], depth: npt.NDArray[np.float32], border: int, lens: Lens
) -> npt.NDArray[np.bool_]:
    """The pixels of the thing: the large pieces of the core, and the mask around them where depth continues.

    Pieces end where depth jumps. Small pieces are table or neighbours that the mask includes.
    """
    kernel = np.ones((3, 3), np.uint8)
    known = core & np.isfinite(depth)
    step = _steepest(known, depth, lens)
    body = _surfaces(known, depth, lens)
    for _ in range(border + 1):
        nearest = cv2.erode(np.where(body, depth, np.float32(np.inf)), kernel)
        farthest = cv2.dilate(np.where(body, depth, np.float32(-np.inf)), kernel)
        with np.errstate(invalid="ignore"):
            body = body | (mask & (depth > nearest - step) & (depth < farthest + step))
    return body


def _steepest(known: npt.NDArray[np.bool_], depth: npt.NDArray[np.float32], lens: Lens) -> float:
    """Largest growth of a surface's depth from one pixel to the next, in metres."""
    return STEEPEST * float(np.median(depth[known])) / lens.fx


def _surfaces(known: npt.NDArray[np.bool_], depth: npt.NDArray[np.float32], lens: Lens) -> npt.NDArray[np.bool_]:
    """The large pieces without a jump in depth; all known pixels if there is no such piece."""
    kernel = np.ones((3, 3), np.uint8)
    nearest = cv2.erode(np.where(known, depth, np.float32(np.inf)), kernel)
    farthest = cv2.dilate(np.where(known, depth, np.float32(-np.inf)), kernel)
    steps = np.where(known, farthest, 0.0) - np.where(known, nearest, 0.0)
    smooth = known & (steps < 2.0 * _steepest(known, depth, lens))
    _, pieces, statistics, _ = cv2.connectedComponentsWithStats(smooth.view(np.uint8))
    areas = statistics[:, cv2.CC_STAT_AREA]
    areas[0] = 0  # label 0: in no piece
    large = areas >= max(1.0, LEAST_PIECE * areas.max())
    return np.asarray(large[pieces] if large.any() else known)
