"""The camera in a process of its own, with a network camera: the stamp of an image is the moment that it shows."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from builtin_interfaces.msg import Time
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image

from refseg_ros.images.messages import to_rgb
from tests.ros.signals import ended_by
from tests.streamer import Streamer, number_in


@pytest.fixture
def camera() -> Iterator[Streamer]:
    with Streamer() as one:
        yield one


class Heard:
    """Numbers of the images of the camera, their stamps, and when they were received, in seconds."""

    def __init__(self, bench) -> None:
        self.numbers: list[int] = []
        self.stamps: list[float] = []
        self.received: list[float] = []
        bench.node.create_subscription(Image, "/camera/image_raw", self._take, 50)

    def _take(self, message: Image) -> None:
        self.received.append(time.time())
        self.numbers.append(number_in(to_rgb(message)))
        self.stamps.append(message.header.stamp.sec + message.header.stamp.nanosec * 1e-9)


def test_images_of_a_stream_do_not_grow_old(start, bench, camera: Streamer) -> None:
    """At a third of its rate; images that wait in a queue would be 4 s old at the end."""
    heard = Heard(bench)
    start("camera_node", source=camera.url, rate=10.0)
    bench.until(lambda: heard.numbers and heard.numbers[-1] >= 180, "an image of the seventh second")
    sent, stamps = np.array([camera.sent[number] for number in heard.numbers]), np.array(heard.stamps)
    assert (sent <= stamps).all() and (stamps <= heard.received).all()
    assert (np.diff(heard.numbers) > 0).all() and (np.diff(stamps) > 0.0).all()
    assert len(stamps) - 2 <= 10.0 * (stamps[-1] - stamps[0]), "no more than its rate"
    assert (stamps - sent)[-10:].min() < 1.0 and (heard.received - sent)[-10:].min() < 1.0


def test_a_stream_that_is_lost_ends_it_with_one_line(start, bench, camera: Streamer) -> None:
    heard = Heard(bench)
    url, shown = (camera.url.replace("//", f"//{user}@") for user in ("robot:p@ss", "..."))
    node = start("camera_node", source=url)
    bench.until(lambda: heard.numbers, "an image")
    camera.is_over.set()
    assert node.process.wait(60) == 1
    (line,) = [line for line in node.log.read_text().splitlines() if "[FATAL]" in line]
    assert f"stream '{shown}' gives no more pictures" in line
    assert f"camera of source '{shown}' publishes" in node.log.read_text() and "p@ss" not in node.log.read_text()
    assert "Traceback" not in node.log.read_text() and "call refused" not in node.log.read_text()


@pytest.mark.parametrize("is_silent", [False, True])
def test_a_signal_ends_it_also_while_no_picture_comes(start, bench, camera: Streamer, is_silent: bool) -> None:
    heard = Heard(bench)
    node = start("camera_node", source=camera.url)
    bench.until(lambda: heard.numbers, "an image")
    if is_silent:
        camera.is_silent.set()
        bench.listen(1.0)
    assert ended_by(node, signal.SIGINT) == 0, node.tail(50)
    assert "Traceback" not in node.log.read_text() and "exception" not in node.log.read_text()


def test_simulated_time_stamps_a_stream_and_holds_it_while_it_stands(start, bench, camera: Streamer) -> None:
    clock = bench.node.create_publisher(Clock, "/clock", 10)
    heard = Heard(bench)
    node = start("camera_node", source=camera.url, rate=10.0, use_sim_time=True)
    bench.until(lambda: bench.node.count_publishers("/camera/image_raw"), "the camera")
    bench.until(clock.get_subscription_count, "its clock")
    for begin in (500, 100):  # the second time, the simulation begins again
        camera.wait_for(len(camera.sent) + 60)
        bench.listen(0.5)
        heard.numbers.clear()
        heard.stamps.clear()
        before = len(camera.sent)
        bench.listen(1.0)
        assert not heard.numbers, "time stands still"
        for step in range(150):
            clock.publish(Clock(clock=Time(sec=begin + step // 100, nanosec=step % 100 * 10_000_000)))
            bench.listen(0.02)
        assert heard.numbers, node.tail()
        assert heard.numbers[0] > before - 30, "the camera was read meanwhile"
        assert begin <= heard.stamps[0] and heard.stamps[-1] <= begin + 1.5
        assert (np.diff(heard.stamps) > 0.0).all() and len(heard.stamps) - 2 <= 10 * 1.5
