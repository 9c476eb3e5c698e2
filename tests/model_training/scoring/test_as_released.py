"""Scoring as the released code of CSTM does it, against loops over pixels."""

from __future__ import annotations

import math

import numpy as np
import pytest

from model_training.scoring.as_released import above_half_of_the_peak, dilated
from refseg_ros.engines.manifest import Input


def sizes(height: int, width: int) -> Input:
    return Input(height=height, width=width, padding=0)


def there_and_back(truth: np.ndarray, height: int, width: int) -> np.ndarray:
    """The same by loops: corner on corner, a pixel of the input has up to four neighbours in the truth."""

    def neighbours(index: int, side: int, of: int) -> set[int]:
        place = index * (of - 1) / (side - 1)
        return {math.floor(place), min(of - 1, math.ceil(place))}

    rows, columns = truth.shape
    touched = np.zeros((height, width), bool)
    for y in range(height):
        for x in range(width):
            around = [(i, j) for i in neighbours(y, height, rows) for j in neighbours(x, width, columns)]
            touched[y, x] = any(truth[place] for place in around)
    back = np.zeros_like(truth)
    for y in range(rows):
        for x in range(columns):
            back[y, x] = touched[y * height // rows, x * width // columns]
    return back


@pytest.mark.parametrize("shape", [(30, 44), (16, 25), (7, 61), (90, 120)])
def test_the_truth_goes_to_the_input_and_back(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    truth = np.zeros(shape, bool)
    truth[2:5, 6:19] = truth[-1, -1] = True
    truth |= rng.random(shape) < 0.02
    np.testing.assert_array_equal(dilated(truth, sizes(16, 25)), there_and_back(truth, 16, 25))


def test_truth_of_the_input_size_stays_and_coarser_truth_grows() -> None:
    truth = np.zeros((32, 40), bool)
    truth[9:20, 11:22] = True
    np.testing.assert_array_equal(dilated(truth, sizes(32, 40)), truth)
    halved = dilated(truth, sizes(16, 20))
    assert (halved & truth).sum() == truth.sum() and halved.sum() > truth.sum()
    assert not dilated(np.zeros((32, 40), bool), sizes(16, 20)).any()


def test_a_mask_is_what_has_more_than_half_of_the_largest_probability() -> None:
    probabilities = np.array([[0.02, 0.09], [0.1, 0.04], [0.0501, 0.0499]])
    logits = np.log(probabilities / (1 - probabilities)).astype(np.float32)
    np.testing.assert_array_equal(above_half_of_the_peak(logits), [[False, True], [True, False], [True, False]])
    rng = np.random.default_rng(5)
    assert all(above_half_of_the_peak(rng.normal(-40, 9, (6, 8)).astype(np.float32)).any() for _ in range(20))
    assert not above_half_of_the_peak(np.full((6, 8), -np.inf, np.float32)).any()
