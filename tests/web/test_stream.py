"""An answer is shown on the image that it is about, and on no other."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from refseg_ros.answer import NO_BOX, Answer, Verdict
from refseg_ros.web.moment import Sighting
from refseg_ros.web.stream import Stream

SECOND = 1_000_000_000


def image(value: int) -> np.ndarray:
    return np.full((4, 6, 3), value % 256, np.uint8)


def sighting(query_id: int, value: int = 0) -> Sighting:
    mask = np.full((4, 6), value, np.uint8)
    return Sighting(query_id, Answer(str(query_id), Verdict.FOUND, 0.9, mask, NO_BOX), age=0.1)


def test_images_are_shown_as_they_come_while_nothing_is_asked():
    stream = Stream()
    assert stream.newest is None
    for number in range(3):
        assert stream.put_image(number * SECOND, "camera", image(number))
        assert stream.newest.stamp == number * SECOND and stream.newest.sightings == ()


def test_while_answers_come_only_answered_images_are_shown():
    stream = Stream()
    stream.put_image(0, "camera", image(0))
    assert stream.put_sighting(0, sighting(1))
    assert not stream.put_image(1, "camera", image(1))
    assert stream.newest.stamp == 0
    assert stream.put_sighting(1, sighting(1))
    assert stream.newest.stamp == 1


def test_once_nothing_is_asked_images_are_shown_as_they_come_again():
    stream = Stream()
    stream.put_image(0, "camera", image(0))
    stream.put_sighting(0, sighting(1))
    stream.expect_nothing()
    assert stream.put_image(1, "camera", image(1))
    assert stream.newest.stamp == 1 and stream.newest.sightings == ()


def test_an_answer_under_way_when_nothing_is_asked_any_more_changes_nothing():
    stream = Stream()
    stream.put_image(0, "camera", image(0))
    stream.put_sighting(0, sighting(1))
    stream.put_image(1, "camera", image(1))
    stream.expect_nothing()
    assert not stream.put_sighting(1, sighting(1))
    assert stream.put_image(2, "camera", image(2))
    assert stream.newest.stamp == 2 and stream.newest.sightings == ()
    assert stream.put_sighting(2, sighting(1)) and stream.newest.sightings, "of what is asked next"


def test_answers_count_when_the_clock_has_jumped_back_since_nothing_was_asked():
    stream = Stream()
    stream.put_image(9 * SECOND, "camera", image(9))
    stream.expect_nothing()
    stream.put_image(SECOND, "camera", image(1))
    assert stream.put_sighting(SECOND, sighting(1)) and stream.newest.sightings


def test_answers_to_several_expressions_are_shown_together():
    stream = Stream()
    stream.put_image(0, "camera", image(0))
    for number in (3, 1, 2):
        stream.put_sighting(0, sighting(number))
    stream.put_image(1, "camera", image(1))
    assert not stream.put_sighting(1, sighting(1))
    assert not stream.put_sighting(1, sighting(2))
    assert len(stream.newest.sightings) == 3 and stream.newest.stamp == 0
    assert stream.put_sighting(1, sighting(3))
    assert [one.query_id for one in stream.newest.sightings] == [1, 2, 3] and stream.newest.stamp == 1


def test_fewer_expressions_are_shown_one_image_later():
    stream = Stream()
    for stamp, numbers in ((0, (1, 2, 3)), (1, (4,)), (2, (4,))):
        stream.put_image(stamp, "camera", image(stamp))
        shown = [stream.put_sighting(stamp, sighting(number)) for number in numbers]
    assert shown == [True]
    assert [one.query_id for one in stream.newest.sightings] == [4]


def test_an_answer_that_comes_before_its_image_waits_for_it():
    stream = Stream()
    stream.put_image(0, "camera", image(0))
    stream.put_sighting(0, sighting(1))
    assert not stream.put_sighting(5, sighting(1))
    assert stream.put_image(5, "camera", image(5))
    assert stream.newest.stamp == 5 and len(stream.newest.sightings) == 1


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30), st.integers(1, 4)), max_size=60))
def test_whatever_comes_in_whatever_order_answer_and_image_belong_together(events):
    stream = Stream()
    for is_image, stamp, number in events:
        if is_image:
            stream.put_image(stamp, "camera", image(stamp))
        else:
            stream.put_sighting(stamp, sighting(number, stamp))
        if stream.newest is not None:
            assert (stream.newest.rgb == stream.newest.stamp).all()
            assert all((one.answer.mask == stream.newest.stamp).all() for one in stream.newest.sightings)
