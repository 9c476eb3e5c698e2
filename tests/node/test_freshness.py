from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refseg_ros.node.freshness import Rate, RateLimit, frame_age

SECONDS = st.floats(-1e10, 1e10)


@pytest.mark.parametrize(
    ("stamp", "arrival", "now", "age"),
    [
        (100.0, 100.25, 100.5, 0.5),
        (0.0, 100.25, 100.5, 0.25),  # no stamp
        (500.0, 100.25, 100.5, 0.25),  # in the future
        (100.0, 100.25, 50.0, 0.0),  # the clock ran back meanwhile
        (100.0, 0.0, 0.0, 0.0),  # a simulated clock that does not run yet
    ],
)
def test_the_age_counts_from_the_stamp_or_else_from_the_arrival(stamp, arrival, now, age):
    assert frame_age(stamp, arrival, now) == pytest.approx(age)


@given(SECONDS, SECONDS, SECONDS)
def test_any_clock_gives_an_age(stamp, arrival, now):
    assert frame_age(stamp, arrival, now) >= 0.0


@given(st.floats(0.5, 200.0), st.floats(1.0, 100.0))
def test_the_limit_is_kept_on_average(camera, rate):
    limit = RateLimit()
    images = [number / camera for number in range(2000)]
    answered = [moment for moment in images if limit.is_due(rate, moment)]
    expected = min(rate, camera) * images[-1]
    assert abs(len(answered) - expected) <= 2 + 0.01 * expected


def test_no_limit_means_every_image_and_a_change_counts_at_once():
    limit = RateLimit()
    assert all(limit.is_due(0.0, 5.0) for _ in range(10))
    assert limit.is_due(0.01, 5.0)
    assert not limit.is_due(0.01, 6.0)
    assert limit.is_due(10.0, 6.2) is False
    assert limit.is_due(10.0, 6.31)


def test_a_rate_is_that_of_the_last_seconds():
    rate = Rate()
    assert rate.per_second(0.0) == 0.0
    for number in range(300):
        rate.note(number / 30)
    assert rate.per_second(10.0) == pytest.approx(30.0)
    assert rate.per_second(100.0) == 0.0
    rate.note(100.0)
    assert rate.per_second(100.0) == 0.0
