"""Scores on cases worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from model_training.metrics import Scores, intersection_union


def mask(*pixels: int, size: int = 10) -> np.ndarray:
    made = np.zeros((1, size), bool)
    made[0, list(pixels)] = True
    return made


def test_intersection_and_union() -> None:
    assert intersection_union(mask(0, 1, 2), mask(2, 3)) == (1, 4)
    assert intersection_union(mask(), mask()) == (0, 0)


def test_overall_mean_and_precision() -> None:
    scores = Scores()
    scores.add(mask(0, 1), mask(0, 1))  # 2 of 2
    scores.add(mask(0, 1, 2), mask(0))  # 1 of 3
    scores.add(mask(5), mask(6, 7, 8, 9))  # 0 of 5
    scores.add(mask(*range(10)), mask(*range(5)))  # 5 of 10
    assert scores.ious.tolist() == pytest.approx([1, 1 / 3, 0, 0.5])
    assert scores.overall == pytest.approx(8 / 20)
    assert scores.mean == pytest.approx((1 + 1 / 3 + 0.5) / 4)
    assert scores.precision(0.5) == 0.5 and scores.precision(0.6) == 0.25 and scores.precision(1.0) == 0.25


def test_large_things_weigh_more_in_overall_iou_only() -> None:
    scores = Scores()
    scores.add(np.ones((100, 100), bool), np.ones((100, 100), bool))
    scores.add(mask(0), mask(1))
    assert scores.mean == 0.5 and scores.overall == pytest.approx(10000 / 10002)


def test_two_empty_masks_agree_and_one_does_not() -> None:
    scores = Scores()
    scores.add(mask(), mask())
    scores.add(mask(1), mask())
    assert scores.ious.tolist() == [1.0, 0.0] and scores.overall == 0.0


def test_nothing_has_no_score() -> None:
    nothing = Scores()
    assert len(nothing) == 0
    assert math.isnan(nothing.overall) and math.isnan(nothing.mean) and math.isnan(nothing.precision(0.5))


def test_merged_scores_are_those_of_all_samples() -> None:
    first, second = Scores(), Scores()
    first.add(mask(0), mask(0))
    second.add(mask(0), mask(1, 2))
    whole = Scores.merged([first, second])
    assert len(whole) == 2 and whole.overall == 0.25 and len(first) == 1
