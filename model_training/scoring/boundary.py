"""The contour measure F of DAVIS: how much of each mask's outline is close to the other's."""

from __future__ import annotations

import math

import cv2
import numpy as np

TOLERANCE = 0.008
"""Largest distance of two outlines, as a share of the image's diagonal; rounded up to whole pixels."""


def boundary(mask: np.ndarray) -> np.ndarray:
    """Outline of a mask as DAVIS draws it: pixels that differ from the one to the right, below, or below right.

    Args:
        mask: (H, W) bool.

    Returns:
        (H, W) bool. The image's border is not an outline.
    """
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    return (mask != padded[:-1, 1:]) | (mask != padded[1:, :-1]) | (mask != padded[1:, 1:])


def boundary_measure(mask: np.ndarray, truth: np.ndarray) -> float:
    """F in [0, 1]: the harmonic mean of the shares of each outline that lies within the tolerance of the other.

    Args:
        mask: (H, W) bool, the prediction.
        truth: (H, W) bool.

    Returns:
        1 if neither mask has an outline, 0 if only one has.
    """
    outlines = boundary(mask), boundary(truth)
    if not all(outline.any() for outline in outlines):
        return float(not any(outline.any() for outline in outlines))
    radius = math.ceil(TOLERANCE * math.hypot(*mask.shape))
    precision, recall = (
        float((_distance_to(other)[own] < radius + 0.01).mean())  # distances are roots of whole numbers
        for own, other in (outlines, outlines[::-1])
    )
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _distance_to(outline: np.ndarray) -> np.ndarray:
    """(H, W) float32: distance to the outline in pixels."""
    return cv2.distanceTransform((~outline).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
