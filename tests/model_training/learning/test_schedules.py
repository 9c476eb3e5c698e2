"""The learning rate over the steps of a phase."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model_training import configs
from model_training.configs.schema import Phase
from model_training.learning.schedules import learning_rate

COSINE = Phase("joint", steps=1000, frames=1, expressions=1, learning_rate=2.0, warm_up=10)


def test_poly_goes_from_the_paper_s_rate_to_that_of_its_code() -> None:
    (phase,) = configs.load("paper_unc").phases
    assert learning_rate(phase, 0) == pytest.approx(2.5e-4)
    assert learning_rate(phase, 400_000) == pytest.approx(1e-5 + 2.4e-4 * 0.5**0.9)
    assert learning_rate(phase, 800_000) == pytest.approx(1e-5)


def test_cosine_warms_up_and_ends_at_a_hundredth() -> None:
    rates = [learning_rate(COSINE, step) for step in range(1000)]
    assert rates[0] == pytest.approx(0.2) and max(rates) == rates[9] == pytest.approx(2.0, rel=1e-3)
    assert learning_rate(COSINE, 500) == pytest.approx(1.01) and rates[-1] == pytest.approx(0.02, rel=1e-3)
    assert learning_rate(COSINE, 500, factor=0.4) == pytest.approx(0.404)


def test_a_schedule_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="schedule 'stairs' is unknown; choose one of cosine, poly"):
        learning_rate(replace(COSINE, schedule="stairs"), 0)
