"""Messages of one moment are found by their stamps, whatever order they come in; a wrong one is never given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refseg_ros.space.pairing import CAPACITY, NANOSECONDS, StampedBuffer

MILLISECOND = 1_000_000
FRAME = 33 * MILLISECOND
START = 1_700_000_000 * NANOSECONDS


def buffer_of(stamps: list[int], tolerance: float = 0.01) -> StampedBuffer[int]:
    """A buffer in which each message is its own stamp."""
    buffer: StampedBuffer[int] = StampedBuffer(tolerance)
    for stamp in stamps:
        buffer.put(stamp, stamp)
    return buffer


def test_the_message_of_the_same_moment_is_found_and_not_the_latest():
    buffer = buffer_of([START + number * FRAME for number in range(10)])
    assert buffer.at(START + 4 * FRAME) == START + 4 * FRAME
    assert buffer.at(START + 4 * FRAME + 3 * MILLISECOND) == START + 4 * FRAME


def test_nothing_is_given_where_nothing_is_near():
    buffer = buffer_of([START, START + 2 * FRAME])
    assert buffer.at(START + FRAME) is None
    assert buffer.at(START + 11 * MILLISECOND) is None
    assert buffer.at(START + 10 * MILLISECOND) == START
    assert buffer_of([]).at(START) is None


@given(st.lists(st.integers(0, 25), max_size=80), st.integers(0, 25), st.integers(-9, 9))
def test_order_drops_and_repeats_do_not_matter(numbers: list[int], wanted: int, off: int):
    """Of the last CAPACITY different moments one is found exactly when it came."""
    buffer = buffer_of([START + number * FRAME for number in numbers])
    found = buffer.at(START + wanted * FRAME + off * MILLISECOND)
    kept: list[int] = []
    for number in numbers:
        kept = [*(other for other in kept if other != number), number][-CAPACITY:]
    assert found == (START + wanted * FRAME if wanted in kept else None)
    assert len(buffer) <= CAPACITY


def test_a_message_with_a_stamp_that_was_there_takes_its_place():
    buffer: StampedBuffer[str] = StampedBuffer(0.01)
    buffer.put(START, "old")
    buffer.put(START, "new")
    assert buffer.at(START) == "new"
    assert len(buffer) == 1


def test_memory_is_bounded_and_the_oldest_gives_way():
    buffer = buffer_of([START + number * FRAME for number in range(10 * CAPACITY)])
    assert len(buffer) == CAPACITY
    assert buffer.at(START) is None
    assert buffer.at(START + (10 * CAPACITY - 1) * FRAME) is not None


def test_a_clock_that_jumps_back_leaves_nothing_of_before():
    """A bag that begins again, or simulated time that is reset."""
    buffer = buffer_of([START + number * FRAME for number in range(5)])
    buffer.put(3 * FRAME, 3 * FRAME)
    assert len(buffer) == 1
    assert buffer.at(START + FRAME) is None
    assert buffer.at(3 * FRAME) == 3 * FRAME


def test_a_clock_that_jumps_ahead_goes_on():
    buffer = buffer_of([0, FRAME, START, START + FRAME])
    assert buffer.at(START + FRAME) == START + FRAME


def test_what_comes_late_is_no_jump():
    buffer = buffer_of([START + 10 * FRAME, START])
    assert buffer.at(START) == START
    assert buffer.at(START + 10 * FRAME) == START + 10 * FRAME


def test_stamps_of_zero_pair_with_each_other_alone():
    """Of a camera that gives no stamps depth cannot be told apart from old depth: only the newest is kept."""
    buffer: StampedBuffer[int] = StampedBuffer(0.0)
    for number in range(5):
        buffer.put(0, number)
    assert buffer.at(0) == 4
    assert buffer.at(1) is None


def test_the_newest_that_suits_is_the_one_that_came_last_whatever_its_stamp():
    buffer = buffer_of([START + 10 * FRAME, START + 2 * FRAME, START + 3 * FRAME + 1])
    assert buffer.newest(lambda _: True) == START + 3 * FRAME + 1
    assert buffer.newest(lambda stamp: stamp % 2 == 0) == START + 2 * FRAME
    assert buffer.newest(lambda stamp: stamp < 0) is None
    assert buffer_of([]).newest(lambda _: True) is None


def test_forgetting_forgets_everything():
    buffer = buffer_of([START])
    buffer.clear()
    assert len(buffer) == 0
    assert buffer.at(START) is None


@pytest.mark.parametrize("tolerance", [-0.1, 1.0, float("nan"), float("inf")])
def test_a_tolerance_that_pairs_nothing_or_everything_is_refused(tolerance: float):
    with pytest.raises(ValueError, match="tolerance"):
        buffer_of([], tolerance)


@given(st.integers(1, 50), st.integers(0, 49), st.integers(2, 15), st.integers(-400, 900), st.integers(0, 60))
def test_a_stream_at_its_pace_is_waited_for_only_while_it_can_bring_a_nearer_one(pace, phase, count, wanted, tolerance):
    """What `at` gives when `is_final` is what it gives when all have come, and one of the stamp or later is the end."""
    pace, phase, wanted = pace * MILLISECOND, phase * MILLISECOND, START + wanted * MILLISECOND
    stamps = [START + phase + number * pace for number in range(CAPACITY)]
    buffer, whole = (buffer_of(these, tolerance=tolerance / 1000) for these in (stamps[:count], stamps))
    if buffer.is_final(wanted):
        assert buffer.at(wanted) == whole.at(wanted)
    elif count < CAPACITY:
        assert whole.at(wanted) not in stamps[:count], "one that is still to come is nearer, or all may be past"
    assert buffer.is_final(stamps[count - 1]) and not buffer_of([]).is_final(wanted)
    assert not buffer_of(stamps[:1]).is_final(stamps[0] + 1), "no pace is known yet"
