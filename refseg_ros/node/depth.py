"""The depth image of the moment of a colour image, and the lens of both."""

from __future__ import annotations

import threading

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, Image

from refseg_ros.pairing import NANOSECONDS, StampedBuffer

PATIENCE = 0.1
"""Seconds that a depth image may come after its colour image was worked on, where others came before."""
KEPT_UNREAD = 5
"""Depth images that may wait to be taken from the network: one of them is wanted, and not always the newest."""


class DepthError(ValueError):
    """There is no depth for an image; the message says why."""


class Depth:
    """Receives depth images and calibrations in the executor's thread, and gives them to the worker's."""

    def __init__(self, node: Node, topic: str, info_topic: str, tolerance: float) -> None:
        """Subscribe; two stamps of one moment are at most `tolerance` seconds apart."""
        self._node = node
        self._came = threading.Condition()
        self._images: StampedBuffer[Image] = StampedBuffer(tolerance)
        self._info: CameraInfo | None = None
        overridable = QoSOverridingOptions.with_default_policies()
        self._subscriptions = [
            node.create_subscription(
                kind,
                name,
                callback,
                QoSProfile(depth=KEPT_UNREAD, reliability=ReliabilityPolicy.BEST_EFFORT),
                qos_overriding_options=overridable,
            )
            for kind, name, callback in ((Image, topic, self._on_image), (CameraInfo, info_topic, self._on_info))
        ]

    def at(self, stamp: int) -> tuple[Image, CameraInfo]:
        """The depth image of a moment, in nanoseconds, and the calibration, which is the last one that came.

        Raises:
            DepthError: there is none.
        """
        with self._came:
            self._came.wait_for(
                lambda: not len(self._images) or self._images.at(stamp) is not None, PATIENCE if self._info else 0.0
            )
            image = self._images.at(stamp)
            if image is None:
                tolerance = self._images.tolerance
                raise DepthError(f"no depth image came within {tolerance:g} s of the image's stamp")
            if self._info is None:
                raise DepthError("no camera_info came")
            return image, self._info

    def close(self) -> None:
        """Listen no more."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def _on_image(self, message: Image) -> None:
        stamp = message.header.stamp
        with self._came:
            self._images.put(stamp.sec * NANOSECONDS + stamp.nanosec, message)
            self._came.notify_all()

    def _on_info(self, message: CameraInfo) -> None:
        with self._came:
            self._info = message
            self._came.notify_all()
