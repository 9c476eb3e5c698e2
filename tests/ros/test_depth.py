"""Which depth image belongs to a colour image, and how long it is waited for."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from std_msgs.msg import Header

from refseg_ros.node.depth import MOST_IN_VAIN, Depth, DepthError, nanoseconds_of
from refseg_ros.space.pairing import CAPACITY
from tests.ros.depth_camera import DepthCamera

FOR_EVER = 60.0
"""As the patience of `Depth`, in seconds: a test whose answer comes has not waited for it."""
PACE = 1 / 60


class Paired:
    """A depth camera and what hears it."""

    def __init__(self, bench) -> None:
        self._bench = bench
        self.depth = Depth(bench.node, "/camera/depth", "/camera/camera_info", 0.02, "raw")
        self._camera = DepthCamera(bench)
        self._camera.send_info(self.header(0.0))
        self._worker = ThreadPoolExecutor(1)
        bench.until(lambda: len(self.depth._infos), "the calibration")

    def header(self, moment: float) -> Header:
        """Of a moment in seconds."""
        header = Header(frame_id="camera")
        header.stamp.sec, header.stamp.nanosec = divmod(round((1000.0 + moment) * 1e9), 1_000_000_000)
        return header

    def shows(self, *moments: float) -> None:
        """The depth images of these moments come."""
        for moment in moments:
            header = self.header(moment)
            self._camera.send_depth(header)
            self._bench.until(partial(self._has, nanoseconds_of(header)), "a depth image")

    def _has(self, stamp: int) -> bool:
        return stamp in dict(self.depth._images._items)

    def asked(self, moment: float) -> Future:
        """The depth image of a moment, which the node's worker waits for."""
        return self._worker.submit(self.depth.at, nanoseconds_of(self.header(moment)), (320, 240))

    def found(self, asked: Future) -> int:
        """The stamp of the depth image that was found."""
        self._bench.until(asked.done, "the depth image")
        return nanoseconds_of(asked.result()[0].header)

    def close(self) -> None:
        self._worker.shutdown()
        self.depth.close()


@pytest.fixture
def paired(bench, monkeypatch) -> Iterator[Paired]:
    monkeypatch.setattr("refseg_ros.node.depth.PATIENCE", FOR_EVER)
    paired = Paired(bench)
    yield paired
    paired.close()


def test_an_image_of_the_same_moment_that_comes_late_goes_before_one_that_is_near(paired) -> None:
    paired.shows(-2 * PACE, -PACE)
    asked = paired.asked(0.0)
    paired.shows(0.0)
    assert paired.found(asked) == nanoseconds_of(paired.header(0.0))


def test_a_camera_whose_depth_is_always_a_little_earlier_is_not_waited_for(paired) -> None:
    paired.shows(-2 * PACE, -PACE, -0.001)
    assert paired.found(paired.asked(0.0)) == nanoseconds_of(paired.header(-0.001))


def test_a_moment_that_depth_has_passed_is_not_waited_for(paired) -> None:
    paired.shows(-0.05, 0.05)
    with pytest.raises(DepthError, match="no depth image came within 0.02 s"):
        paired.found(paired.asked(0.0))


def test_depth_that_comes_no_more_is_not_waited_for(paired, monkeypatch) -> None:
    paired.shows(-2 * PACE, -PACE)
    monkeypatch.setattr("refseg_ros.node.depth.PATIENCE", 0.01)
    for image in range(MOST_IN_VAIN):
        with pytest.raises(DepthError):
            paired.found(paired.asked(1.0 + image))
    monkeypatch.setattr("refseg_ros.node.depth.PATIENCE", FOR_EVER)
    with pytest.raises(DepthError):
        paired.found(paired.asked(60.0))
    paired.shows(61.0)
    asked = paired.asked(62.0)  # it comes again, so it is waited for again
    paired.shows(62.0)
    assert paired.found(asked) == nanoseconds_of(paired.header(62.0))


def test_depth_that_is_slower_than_colour_is_waited_for_when_its_turn_comes(paired) -> None:
    paired.shows(-0.4, -0.2)
    for image in range(1, 6):
        with pytest.raises(DepthError, match="no depth image came"):
            paired.found(paired.asked(-0.2 + image / 30))  # between two of depth: none will be near
    asked = paired.asked(0.0)
    paired.shows(0.0)
    assert paired.found(asked) == nanoseconds_of(paired.header(0.0))


def test_depth_that_is_forgotten_is_called_so(paired) -> None:
    paired.shows(*(number * PACE for number in range(CAPACITY + 6)))
    with pytest.raises(DepthError, match=r"the depth image of this moment is forgotten: on /camera/depth .* 0\.1 s"):
        paired.found(paired.asked(0.0))


def test_what_is_held_outlasts_a_network_that_takes_long(paired) -> None:
    paired.shows(0.0, PACE)
    paired.depth.hold(nanoseconds_of(paired.header(0.0)))
    paired.shows(*(number * PACE for number in range(2, CAPACITY + 6)))
    assert paired.found(paired.asked(0.0)) == nanoseconds_of(paired.header(0.0))
    paired.depth.hold(nanoseconds_of(paired.header(1.0)))
    with pytest.raises(DepthError, match="is forgotten"):
        paired.found(paired.asked(0.0))


def test_what_comes_after_it_is_wanted_outlasts_such_a_network_too(paired) -> None:
    """A driver that sends the depth of a moment after its colours."""
    paired.depth.hold(nanoseconds_of(paired.header(0.0)))
    paired.shows(0.01, *(number * PACE for number in range(CAPACITY + 6)))
    assert paired.found(paired.asked(0.0)) == nanoseconds_of(paired.header(0.0))


def test_an_image_without_a_stamp_is_not_placed(paired) -> None:
    paired.shows(0.0)
    with pytest.raises(DepthError, match="the image's stamp is 0"):
        paired.depth.at(0, (320, 240))
