from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refseg_ros.frame_buffer import FrameBuffer


def frame(value: float) -> dict[str, np.ndarray]:
    return {"ring_a": np.full((1, 2, 3), value, np.float32), "ring_b": np.full((1, 4), value, np.float32)}


def stamps(ring: FrameBuffer) -> list[float]:
    """The stamps of the frames in the ring; each frame of these tests holds its own."""
    return sorted(ring.arrays["ring_a"][ring.valid, 0, 0].tolist())


def test_frames_fill_free_slots_and_the_rest_stays_zero_and_invalid():
    ring = FrameBuffer(4, 0.2, 2.0)
    ring.admit(1.0, frame(1.0))
    ring.admit(1.5, frame(1.5))
    assert ring.valid.tolist() == [True, True, False, False] and len(ring) == 2
    assert ring.arrays["ring_a"].shape == (4, 2, 3) and ring.arrays["ring_b"].shape == (4, 4)
    assert not ring.arrays["ring_a"][2:].any() and not ring.arrays["ring_b"][2:].any()


@pytest.mark.parametrize("rate", [5, 10, 15, 30, 60, 100])
@pytest.mark.parametrize("offset", [0.0, 1.7e9])
def test_a_fast_camera_gives_frames_about_an_interval_apart_the_newest_being_now(rate, offset):
    ring = FrameBuffer(4, 0.2, 2.0)
    for index in range(5 * rate):
        stamp = index / rate
        ring.admit(offset + stamp, frame(stamp))
        kept = stamps(ring)
        assert kept[-1] == pytest.approx(stamp, abs=1e-4)
        assert np.diff(kept[:-1]) == pytest.approx(0.2, abs=0.5 / rate + 1e-4)


def test_a_slow_camera_gives_its_last_frames():
    ring = FrameBuffer(3, 0.2, 2.0)
    for second in range(10):
        ring.admit(second, frame(second))
    assert stamps(ring) == [7, 8, 9]


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=60), st.integers(1, 6))
def test_newest_frame_is_always_there_and_no_frame_twice(gaps, length):
    ring = FrameBuffer(length, 0.2, 2.0)
    for index, stamp in enumerate(np.cumsum(gaps)):
        slot = ring.admit(float(stamp), frame(index + 1))
        assert (ring.arrays["ring_a"][slot] == index + 1).all() and (ring.arrays["ring_b"][slot] == index + 1).all()
        kept = stamps(ring)
        assert len(kept) == len(ring) == ring.valid.sum() <= length
        assert len(set(kept)) == len(kept) and kept[-1] == index + 1


def test_arrays_are_allocated_once_and_written_in_place():
    ring = FrameBuffer(3, 0.2, 2.0)
    ring.admit(0.0, frame(0.0))
    before = {name: array.ctypes.data for name, array in ring.arrays.items()}
    for index in range(20):
        ring.admit(index * 0.3, frame(index))
    ring.admit(0.0, frame(0.0))
    assert {name: array.ctypes.data for name, array in ring.arrays.items()} == before


@pytest.mark.parametrize("jump", [4.999, 0.0, -1e9, 7.001, 1e9], ids=["back", "zero", "far back", "gap", "far on"])
def test_time_that_jumps_begins_a_new_clip(jump):
    ring = FrameBuffer(3, 0.2, 2.0)
    for stamp in (4.0, 4.5, 5.0):
        ring.admit(stamp, frame(stamp))
    ring.admit(jump, frame(9.0))
    assert stamps(ring) == [9.0]
    assert np.count_nonzero(ring.arrays["ring_a"]) == 6


def test_a_gap_that_is_allowed_keeps_the_clip():
    ring = FrameBuffer(3, 0.2, 2.0)
    ring.admit(4.0, frame(4.0))
    ring.admit(6.0, frame(6.0))
    assert stamps(ring) == [4.0, 6.0]


def test_a_camera_without_stamps_has_no_past():
    """With all stamps zero nothing is known of time, and a clip of unknown times would be a lie."""
    ring = FrameBuffer(3, 0.2, 2.0)
    for index in range(5):
        ring.admit(0.0, frame(index + 1))
    assert stamps(ring) == [5]


@pytest.mark.parametrize("stamp", [math.nan, math.inf, -math.inf])
def test_a_stamp_that_is_no_number_is_refused_and_the_ring_kept(stamp):
    ring = FrameBuffer(3, 0.2, 2.0)
    ring.admit(1.0, frame(1.0))
    with pytest.raises(ValueError, match="finite"):
        ring.admit(stamp, frame(2.0))
    assert stamps(ring) == [1.0]
