"""Converts COCO segmentations to masks. COCO's own code fills the polygons, as for all published figures."""

from __future__ import annotations

from typing import Any

import numpy as np
from pycocotools import mask as coco

from refseg_ros.search.run_length import runs_of


class NoOutline(ValueError):
    """A segmentation without a polygon of three points."""


def encode(segmentation: Any, height: int, width: int) -> bytes:
    """Encode a segmentation as COCO's compressed run-length code; several polygons are merged.

    Args:
        segmentation: a list of polygons [x0, y0, x1, y1, ...], a run-length code {"counts": ..., "size": [h, w]},
            compressed (text or bytes) or uncompressed (numbers), or a list of run-length codes; None is no outline.
        height, width: of the image.

    Raises:
        NoOutline: it has no polygon of three points.
        ValueError: it is in another format, or belongs to another image size.
    """
    parts = segmentation if isinstance(segmentation, list) else [segmentation] if segmentation is not None else []
    codes = [code for part in parts for code in _codes(part, height, width)]
    if codes and all(_is_of_shares(part) for part in parts) and height * width > 1:
        raise ValueError("a polygon of the segmentation lies within one pixel; coordinates are pixels, not shares")
    if not codes:
        raise NoOutline("no polygon of three points or more, each as one list x0, y0, x1, y1, x2, y2, ...")
    return bytes(coco.merge(codes)["counts"])


def union(codes: list[bytes], height: int, width: int) -> bytes:
    """The code of the union of several masks, from their codes."""
    return bytes(coco.merge([{"counts": code, "size": [height, width]} for code in codes])["counts"])


def encode_mask(mask: np.ndarray) -> bytes:
    """Encode a mask (H, W) bool as a compressed run-length code."""
    return bytes(coco.encode(np.asfortranarray(mask, np.uint8))["counts"])


def decode(counts: bytes, height: int, width: int) -> np.ndarray:
    """Decode a code from `encode` to (height, width) bool."""
    return coco.decode({"counts": counts, "size": [height, width]}).astype(bool)


def checked(counts: bytes, height: int, width: int) -> tuple[bytes, int, int]:
    """Check a code from outside and return the arguments for `decode`.

    Raises:
        ValueError: the code does not cover the image exactly.
    """
    return bytes(_run_lengths({"counts": counts, "size": [height, width]}, height, width)["counts"]), height, width


def _is_of_shares(part: Any) -> bool:
    """Whether a polygon lies in the first pixel. A crumb of an outline may, but not all of it."""
    return not isinstance(part, dict) and min(part, default=0) >= 0 and max(part, default=0) <= 1


def _codes(part: Any, height: int, width: int) -> list[dict[str, Any]]:
    if isinstance(part, dict):
        return [_run_lengths(part, height, width)]
    try:
        points = np.asarray(part, np.float64)
    except (TypeError, ValueError):
        raise ValueError("a part of the segmentation is no list of numbers") from None
    if points.ndim != 1 or len(points) % 2 or not np.isfinite(points).all():
        raise ValueError(f"a polygon of the segmentation is no list x0, y0, x1, y1, ... (shape {points.shape})")
    if np.abs(points).max(initial=0) > 10 * (height + width):
        raise ValueError(f"a polygon of the segmentation lies far outside the image of {width}x{height} pixels")
    if len(points) < 6:  # a point or a line; COCO's code would take four numbers for a box
        return []
    return list(coco.frPyObjects([points.tolist()], height, width))


def _run_lengths(part: dict[str, Any], height: int, width: int) -> dict[str, Any]:
    size, counts = part.get("size"), part.get("counts")
    if not isinstance(size, (list, tuple)) or list(size) != [height, width]:
        raise ValueError(f"a run-length code of size {size} in an image of [{height}, {width}]")
    if isinstance(counts, (str, bytes)):
        compressed = counts.encode("ascii", "replace") if isinstance(counts, str) else counts
        if (covered := sum(runs_of(compressed))) != height * width:
            raise ValueError(f"a compressed run-length code covers {covered} of {height * width} pixels")
        return {"counts": compressed, "size": [height, width]}
    runs = np.asarray(counts)
    if runs.ndim != 1 or runs.dtype.kind not in "iu" or (runs < 0).any() or int(runs.sum()) != height * width:
        raise ValueError(f"the runs of an uncompressed run-length code do not add up to {height * width} pixels")
    return dict(coco.frPyObjects({"counts": runs.tolist(), "size": [height, width]}, height, width))
