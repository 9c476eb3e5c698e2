"""The other side of the node in the tests: a camera, a user and a listener in one ROS node of this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

import numpy as np
import rclpy
from builtin_interfaces.msg import Time
from rcl_interfaces.msg import SetParametersResult
from rclpy.client import Client
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header, String

from refseg_ros.images.messages import to_message
from refseg_ros.msg import BoundingBox, Segmentation
from refseg_ros.ros.remote_parameters import RemoteParameters
from refseg_ros.ros.transport import prefer_large_shared_memory

Value = TypeVar("Value")
PATIENCE = 30.0
"""Seconds after which something that has to come is missing; far beyond what it takes."""
SETTLING = 0.5
"""Seconds until the other side has found what we have found of it, which nothing here shows."""
AGAIN = 5.0
"""Seconds after which a request without a response is sent again."""
RED, GREEN, GREY = (220, 30, 30), (30, 200, 30), (90, 90, 90)


def picture(colour: tuple[int, int, int] = RED, background: tuple[int, int, int] = GREY) -> np.ndarray:
    """An image of 320 x 240 with a square from (96, 48) to (191, 143)."""
    image = np.empty((240, 320, 3), np.uint8)
    image[:] = background
    image[48:144, 96:192] = colour
    return image


class Bench:
    """Publishes images and queries, and keeps what the node says in lists, the newest at the end."""

    def __init__(self) -> None:
        prefer_large_shared_memory()
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node("bench", context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        qos = QoSProfile(depth=50)
        self.images = self.node.create_publisher(Image, "/camera/image_raw", qos)
        self.queries = self.node.create_publisher(String, "/refseg/query", qos)
        self._remote = RemoteParameters(self.node, "/refseg/segment")
        self.masks: list[Image] = []
        self.boxes: list[BoundingBox] = []
        self.results: list[Segmentation] = []
        self.overlays: list[Image] = []
        self.node.create_subscription(Image, "/refseg/mask", self.masks.append, qos)
        self.node.create_subscription(BoundingBox, "/refseg/bbox", self.boxes.append, qos)
        self.node.create_subscription(Segmentation, "/refseg/result", self.results.append, qos)
        self.clock = 1000.0
        """Seconds: the stamp of the next image."""

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)

    @cached_property
    def parameters(self):  # noqa: ANN201
        """Those of the node; Humble has no such client."""
        from rclpy.parameter_client import AsyncParameterClient

        return AsyncParameterClient(self.node, "/refseg/segment")

    def listen_to_overlays(self) -> None:
        self.node.create_subscription(Image, "/refseg/overlay", self.overlays.append, 50)

    def until(self, look: Callable[[], Value | None], what: str, seconds: float = PATIENCE) -> Value:
        """Receive until `look` gives something that is not None or False."""
        end = time.monotonic() + seconds
        while not (found := look()):
            assert time.monotonic() < end, f"{what} did not come"
            self._executor.spin_once(timeout_sec=0.02)
        return found

    def listen(self, seconds: float) -> None:
        """Receive for a while, for what should not come."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.02)

    def wait_for_node(self) -> None:
        self.until(
            lambda: (
                self.images.get_subscription_count()
                and self.queries.get_subscription_count()
                and self.node.count_publishers("/refseg/result")
            ),
            "the node",
        )
        self.listen(SETTLING)  # until the node has found our subscriptions too

    def header(self) -> Header:
        """A new header, a thirtieth of a second after the one before."""
        self.clock += 1 / 30
        seconds, fraction = divmod(self.clock, 1.0)
        return Header(stamp=Time(sec=int(seconds), nanosec=int(fraction * 1e9)), frame_id="the optical frame")

    def show(self, image: np.ndarray) -> Header:
        header = self.header()
        self.images.publish(to_message(image, "rgb8", header))
        return header

    def ask(self, text: str) -> None:
        self.queries.publish(String(data=text))

    def show_until(self, image: np.ndarray, look: Callable[[], Value | None], what: str) -> Value:
        """Show an image again and again until `look` gives something; an image may be lost on the way."""

        def shown() -> Value | None:
            self.show(image)
            self.listen(0.05)
            return look()

        return self.until(shown, what)

    def answer(self, image: np.ndarray, text: str) -> Segmentation:
        """Show an image again and again until an answer to this text on one of these images comes; the first one."""
        shown: list[Header] = []

        def look() -> Segmentation | None:
            shown.append(self.show(image))
            self.listen(0.05)
            return next((one for one in self.results if one.query == text and one.header in shown), None)

        return self.until(look, f"an answer to {text[:50]!r}")

    def client(self, kind: type, service: str) -> Client:
        """A client of a service that is there."""
        client = self.node.create_client(kind, service)
        self.until(client.service_is_ready, f"the service {service}")
        self.listen(SETTLING)
        return client

    def request(self, send: Callable[[], rclpy.task.Future]):  # noqa: ANN201
        """The response to a request that may be served twice: a server that has not found the client's end yet drops
        its response, and nobody hears of it.
        """
        sent: list[tuple[float, rclpy.task.Future]] = []

        def response() -> object | None:
            now = time.monotonic()
            if not sent or now - sent[-1][0] > AGAIN:
                sent.append((now, send()))
            return next((future.result() for _, future in sent if future.done()), None)

        return self.until(response, "a response")

    def set(self, name: str, value: object) -> SetParametersResult:
        """Set a parameter of the node, once it is there."""
        self.until(self._remote.are_ready, "the service of parameters")
        return self.request(lambda: self._remote.set(name, value)).results[0]

    def call(self, future: rclpy.task.Future):  # noqa: ANN201
        """Wait for a service's response."""
        self.until(future.done, "a response")
        return future.result()
