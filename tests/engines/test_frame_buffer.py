from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refseg_ros.engines.frame_buffer import FrameBuffer


def test_the_frame_before_goes_to_a_free_slot_and_then_to_that_of_the_oldest():
    frames = FrameBuffer(4, 0.2, 2.0)
    assert [frames.admit(0.5 * index) for index in range(9)] == [None, 0, 1, 2, 0, 1, 2, 0, 1]
    assert len(frames) == 3 and frames.stamps == [2.5, 3.0, 3.5, 4.0]


@pytest.mark.parametrize("rate", [5, 10, 15, 30, 60, 100])
@pytest.mark.parametrize("offset", [0.0, 1.7e9])
def test_a_fast_camera_gives_frames_about_an_interval_apart_the_newest_being_now(rate, offset):
    frames = FrameBuffer(4, 0.2, 2.0)
    for index in range(5 * rate):
        stamp = offset + index / rate
        frames.admit(stamp)
        assert frames.stamps[-1] == stamp
        assert np.diff(frames.stamps[:-1]) == pytest.approx(0.2, abs=0.5 / rate + 1e-4)


def test_a_slow_camera_gives_its_last_frames():
    frames = FrameBuffer(3, 0.2, 2.0)
    for second in range(10):
        frames.admit(second)
    assert frames.stamps == [7, 8, 9]


@given(st.lists(st.floats(0.0, 3.0), min_size=1, max_size=60), st.integers(1, 6))
def test_slots_hold_what_the_stamps_say(gaps, length):
    """The slots are written as `admit` says; those that count hold the frames of the stamps, no frame twice."""
    frames, slots = FrameBuffer(length, 0.2, 2.0), [math.nan] * (length - 1)
    before = math.nan
    for stamp in np.cumsum(gaps):
        slot = frames.admit(float(stamp))
        if slot is not None:
            slots[slot] = before
        before = float(stamp)
        *past, newest = frames.stamps
        assert newest == stamp and len(past) == len(frames) < length
        assert sorted(slots[: len(frames)]) == past and len(set(past)) == len(past)


@pytest.mark.parametrize("jump", [4.999, 0.0, -1e9, 7.001, 1e9], ids=["back", "zero", "far back", "gap", "far on"])
def test_time_that_jumps_begins_a_new_clip(jump):
    frames = FrameBuffer(3, 0.2, 2.0)
    for stamp in (4.0, 4.5, 5.0):
        frames.admit(stamp)
    assert frames.admit(jump) is None
    assert frames.stamps == [jump] and len(frames) == 0


def test_a_gap_that_is_allowed_keeps_the_clip():
    frames = FrameBuffer(3, 0.2, 2.0)
    frames.admit(4.0)
    frames.admit(6.0)
    assert frames.stamps == [4.0, 6.0]


def test_a_camera_without_stamps_has_no_past():
    """With all stamps zero nothing is known of time, and a clip of unknown times would be a lie."""
    frames = FrameBuffer(3, 0.2, 2.0)
    for _ in range(5):
        frames.admit(0.0)
    assert frames.stamps == [0.0]


def test_what_was_cleared_has_no_past():
    frames = FrameBuffer(3, 0.2, 2.0)
    for stamp in (1.0, 1.5):
        frames.admit(stamp)
    frames.clear()
    assert frames.stamps == [] and frames.admit(1.6) is None and frames.stamps == [1.6]


@pytest.mark.parametrize("stamp", [math.nan, math.inf, -math.inf])
def test_a_stamp_that_is_no_number_is_refused_and_the_clip_kept(stamp):
    frames = FrameBuffer(3, 0.2, 2.0)
    frames.admit(1.0)
    with pytest.raises(ValueError, match="finite"):
        frames.admit(stamp)
    assert frames.stamps == [1.0]
