"""The bootstrap, against what statistics says of means."""

from __future__ import annotations

import numpy as np
import pytest

from model_training.scoring.bootstrap import intervals


def test_the_interval_of_a_mean_is_that_of_the_normal_distribution() -> None:
    parts = np.random.default_rng(0).normal(5.0, 2.0, 400).tolist()
    low, high = intervals(parts, lambda drawn: {"mean": float(np.mean(drawn))})["mean"]
    half = 1.96 * np.std(parts) / 20
    assert (low, high) == pytest.approx((np.mean(parts) - half, np.mean(parts) + half), abs=0.1 * half)


def test_scenes_that_are_drawn_whole_spread_more_than_their_answers_alone() -> None:
    scenes = [[value] * 10 for value in np.random.default_rng(1).random(40).tolist()]
    answers = [value for scene in scenes for value in scene]
    low, high = intervals(scenes, lambda drawn: {"mean": float(np.mean(drawn))})["mean"]
    least, most = intervals(answers, lambda drawn: {"mean": float(np.mean(drawn))})["mean"]
    assert 2 < (high - low) / (most - least) < 4.5  # sqrt(10)


def test_a_figure_without_samples_in_some_draws_is_one_of_the_others() -> None:
    figures = intervals([1.0, None], lambda drawn: {"some": 1.0} if 1.0 in drawn else {})
    assert figures == {"some": (1.0, 1.0)}
