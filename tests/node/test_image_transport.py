"""A subscription to images finds them where they are published, also when that changes; over real DDS."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: there is no ROS 2 to run nodes in")
from rclpy.publisher import Publisher
from sensor_msgs.msg import CompressedImage, Image

from refseg_ros.node.image_transport import COLOUR, ImageSubscription
from refseg_ros.ros.guest import Guest

WAIT = 30.0
"""Seconds in which discovery must be over."""


@pytest.fixture
def camera() -> Iterator[Guest]:
    with Guest("camera") as guest:
        yield guest


@pytest.fixture
def listener() -> Iterator[Guest]:
    with Guest("listener") as guest:
        yield guest


def wait(listener: Guest, publisher: Publisher, message: object, is_done: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT
    while not is_done():
        assert time.monotonic() < end, "no image came"
        publisher.publish(message)
        listener.spin(0.05)


def test_images_that_appear_later_under_the_name_itself_are_found(camera: Guest, listener: Guest) -> None:
    came: list[object] = []
    images = ImageSubscription(listener.node, COLOUR["compressed"], "/front/image", came.append)
    assert images.topic == "/front/image/compressed"
    publisher = camera.node.create_publisher(CompressedImage, "/front/image", 1)
    wait(listener, publisher, CompressedImage(format="jpeg"), lambda: bool(came))
    assert images.topic == "/front/image"
    images.close()


def test_another_transport_takes_the_place_of_the_first(camera: Guest, listener: Guest) -> None:
    came: list[object] = []
    images = ImageSubscription(listener.node, COLOUR["compressed"], "/front/image", came.append)
    images.listen(COLOUR["raw"])
    assert images.topic == "/front/image" and len(list(listener.node.subscriptions)) == 1
    publisher = camera.node.create_publisher(Image, "/front/image", 1)
    wait(listener, publisher, Image(width=3), lambda: bool(came))
    assert all(isinstance(image, Image) for image in came)
    images.close()
    assert not list(listener.node.subscriptions) and not list(listener.node.timers)
