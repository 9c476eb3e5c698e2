"""A subscription to images finds them where they are published, also when that changes; over real DDS."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: there is no ROS 2 to run nodes in")
import rclpy
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.qos import ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CompressedImage, Image

from refseg_ros.node.image_transport import COLOUR, ImageSubscription
from refseg_ros.node.qos_doctor import why_no_image
from refseg_ros.ros.guest import Guest

RAW, COMPRESSED = COLOUR["raw"], COLOUR["compressed"]
SWAPPED = ["--ros-args", "-r", "/left/image:=/right/image", "-r", "/right/image:=/left/image"]
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
    images = ImageSubscription(listener.node, COMPRESSED, "/front/image", came.append)
    assert images.topic == "/front/image/compressed"
    publisher = camera.node.create_publisher(CompressedImage, "/front/image", 1)
    wait(listener, publisher, CompressedImage(format="jpeg"), lambda: bool(came))
    assert images.topic == "/front/image"
    images.close()


def test_another_transport_takes_the_place_of_the_first(camera: Guest, listener: Guest) -> None:
    came: list[object] = []
    images = ImageSubscription(listener.node, COMPRESSED, "/front/image", came.append)
    images.listen(RAW)
    assert images.topic == "/front/image" and len(list(listener.node.subscriptions)) == 1
    publisher = camera.node.create_publisher(Image, "/front/image", 1)
    wait(listener, publisher, Image(width=3), lambda: bool(came))
    assert all(isinstance(image, Image) for image in came)
    images.close()
    assert not list(listener.node.subscriptions) and not list(listener.node.timers)


@pytest.fixture
def swapping() -> Iterator[Node]:
    """A node that swaps two topics, and wants what it gets on the left one reliably."""
    context = rclpy.Context()
    rclpy.init(args=SWAPPED, context=context, signal_handler_options=SignalHandlerOptions.NO)
    reliable = Parameter("qos_overrides./left/image.subscription.reliability", value="reliable")
    yield (node := rclpy.create_node("swapping", context=context, parameter_overrides=[reliable]))
    node.destroy_node()
    rclpy.shutdown(context=context)


def test_topics_that_are_swapped_are_swapped_once(swapping: Node, camera: Guest) -> None:
    """A name that is remapped twice comes back to where it began: the node would listen to the other camera."""
    left, right = (ImageSubscription(swapping, RAW, f"/{side}/image", print) for side in ("left", "right"))
    assert (left.topic, right.topic) == ("/right/image", "/left/image")
    camera.node.create_publisher(CompressedImage, "/right/image", 1)
    end = time.monotonic() + WAIT
    while left.topic == "/right/image/compressed" or left.transport is RAW:
        assert time.monotonic() < end, "the publisher was not found"
        left.listen(COMPRESSED)
    assert left.topic == "/right/image"
    told = why_no_image(swapping, right.asked, RAW.type_name, right.qos, ())
    assert told.startswith("nobody publishes /left/image")
    left.close()
    right.close()


def test_a_topic_does_not_inherit_the_overrides_of_the_one_before(swapping: Node) -> None:
    images = ImageSubscription(swapping, RAW, "/right/image", print)
    assert images.topic == "/left/image" and images.qos.reliability == ReliabilityPolicy.RELIABLE
    images.listen(COMPRESSED)
    assert images.topic == "/left/image/compressed" and images.qos.reliability == ReliabilityPolicy.BEST_EFFORT
    images.close()
