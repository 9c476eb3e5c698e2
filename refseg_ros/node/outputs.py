"""What the node says about one camera's images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import Image
from std_msgs.msg import Float32, Header

from refseg_ros import vision_messages
from refseg_ros.answer import Answer
from refseg_ros.images import to_message
from refseg_ros.messages_3d import Target
from refseg_ros.msg import BoundingBox, Segmentation
from refseg_ros.node.queries import MOST_EXPRESSIONS
from refseg_ros.overlay import draw


class Outputs:
    """The publishers of one camera, reliable, deep enough for the answers on one image."""

    def __init__(self, node: Node, prefix: str) -> None:
        """Open them; their names begin with `prefix`."""
        self._node = node
        qos = QoSProfile(depth=MOST_EXPRESSIONS)
        overridable = QoSOverridingOptions.with_default_policies()

        def publisher(kind: type, name: str) -> Publisher:
            return node.create_publisher(kind, name, qos, qos_overriding_options=overridable)

        self._mask = publisher(Image, f"{prefix}mask")
        self._box = publisher(BoundingBox, f"{prefix}bbox")
        self._result = publisher(Segmentation, f"{prefix}result")
        self._overlay = publisher(Image, f"{prefix}overlay")
        self._spent = publisher(Float32, f"~/{prefix}inference_milliseconds")
        self._all = [self._mask, self._box, self._result, self._overlay, self._spent]
        if vision_messages.AVAILABLE:
            self._detections = publisher(vision_messages.vision.Detection2DArray, f"{prefix}detections")
            self._all.append(self._detections)

    def publish(self, results: Sequence[Segmentation]) -> None:
        """Publish the answers to each query on an image."""
        for result in results:
            self._mask.publish(result.mask)
            self._box.publish(result.box)
            self._result.publish(result)

    def publish_detections(self, targets: Sequence[Target], header: Header) -> None:
        """Publish what was found as vision_msgs has it, where that is installed."""
        if vision_messages.AVAILABLE:
            self._detections.publish(vision_messages.detections_2d(targets, header))

    def publish_extras(
        self, image: np.ndarray, answers: Sequence[Answer], header: Header, spent: float, age: float, rate: float
    ) -> None:
        """Publish the overlay, and what the inference took, where someone listens.

        Args:
            image: (H, W, 3) uint8 RGB.
            answers: on it.
            header: its header.
            spent: on the inference, in milliseconds.
            age: of the image, in seconds.
            rate: images answered per second.
        """
        if self._spent.get_subscription_count() > 0:
            self._spent.publish(Float32(data=spent))
        if self._overlay.get_subscription_count() > 0:
            self._overlay.publish(to_message(draw(image, *answers, age=age, rate=rate), "rgb8", header))

    @property
    def topics(self) -> list[str]:
        """Their names in full."""
        return [publisher.topic_name for publisher in self._all]

    def close(self) -> None:
        """Take them back."""
        for publisher in self._all:
            self._node.destroy_publisher(publisher)
