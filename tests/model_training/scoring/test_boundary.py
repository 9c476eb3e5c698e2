"""The contour measure: by hand, and against scikit-image's morphology."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.morphology import dilation, disk

from model_training.scoring.boundary import TOLERANCE, boundary, boundary_measure


def square(top: int, left: int, side: int, height: int = 40, width: int = 50) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_the_outline_of_a_square_by_hand() -> None:
    outline = boundary(square(2, 3, 2, 6, 7))
    assert outline.astype(int).tolist() == [
        [0, 0, 0, 0, 0, 0, 0],
        [0, 0, 1, 1, 1, 0, 0],
        [0, 0, 1, 0, 1, 0, 0],
        [0, 0, 1, 1, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
    ]


def test_the_edge_of_the_image_is_no_outline() -> None:
    assert not boundary(np.ones((5, 6), bool)).any()
    half = np.zeros((4, 6), bool)
    half[:, 3:] = True
    assert np.flatnonzero(boundary(half).any(0)).tolist() == [2] and boundary(half)[:, 2].all()


def test_masks_that_agree_that_are_empty_and_that_lie_apart() -> None:
    empty = np.zeros((40, 50), bool)
    assert boundary_measure(square(10, 10, 8), square(10, 10, 8)) == 1
    assert boundary_measure(empty, empty) == 1
    assert boundary_measure(empty, square(10, 10, 8)) == boundary_measure(square(10, 10, 8), empty) == 0
    assert boundary_measure(square(0, 0, 8), square(25, 30, 8)) == 0


def test_a_shift_within_the_tolerance_counts_as_none() -> None:
    assert math.ceil(TOLERANCE * math.hypot(40, 50)) == 1
    assert boundary_measure(square(10, 10, 8), square(11, 10, 8)) == 1
    # Two pixels down: of the 32 pixels of an outline, 8 of each vertical side lie within a pixel of the other's, and
    # the two beside them on the horizontal side that has come to lie inside the other square.
    assert boundary_measure(square(10, 10, 8), square(12, 10, 8)) == pytest.approx(18 / 32)


@pytest.mark.parametrize("seed", range(6))
def test_as_by_dilation_with_a_disk(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in rng.integers(100, 600, 2))
    rows, columns = np.mgrid[:height, :width]

    def blobs() -> np.ndarray:
        mask = np.zeros((height, width), bool)
        for _ in range(5):
            y, x, radius = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(5, 60)
            mask |= (rows - y) ** 2 + (columns - x) ** 2 < radius**2
        return mask

    truth = blobs()
    prediction = np.roll(truth, rng.integers(-9, 10, 2), (0, 1)) ^ (blobs() & (rng.random((height, width)) < 0.01))
    footprint = disk(math.ceil(TOLERANCE * math.hypot(height, width)))
    outlines = boundary(prediction), boundary(truth)
    precision, recall = (
        (own & dilation(other, footprint)).sum() / own.sum() for own, other in (outlines, outlines[::-1])
    )
    expected = 2 * precision * recall / (precision + recall)
    assert 0 < expected < 1
    assert boundary_measure(prediction, truth) == pytest.approx(expected, abs=1e-12)
