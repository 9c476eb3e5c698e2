"""What the node publishes about one camera's images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Float32, Header

from refseg_ros.answer import Answer
from refseg_ros.images.messages import to_message
from refseg_ros.media.overlay import draw
from refseg_ros.msg import BoundingBox, Segmentation
from refseg_ros.node import vision_messages
from refseg_ros.node.messages_3d import Target
from refseg_ros.node.publishers import Publishers


class Outputs(Publishers):
    """What the node publishes about one camera's images."""

    def __init__(self, node: Node, prefix: str) -> None:
        """Open the topics; their names begin with `prefix`."""
        super().__init__(node)
        self._mask = self.open(Image, f"{prefix}mask")
        self._box = self.open(BoundingBox, f"{prefix}bbox")
        self._result = self.open(Segmentation, f"{prefix}result")
        self._overlay = self.open(Image, f"{prefix}overlay")
        self._milliseconds = self.open(Float32, f"~/{prefix}inference_milliseconds")
        if vision_messages.AVAILABLE:
            self._detections = self.open(vision_messages.vision.Detection2DArray, f"{prefix}detections")

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

    def publish_milliseconds(self, spent: float) -> None:
        """Publish the time of an inference if someone listens, in milliseconds."""
        if self._milliseconds.get_subscription_count() > 0:
            self._milliseconds.publish(Float32(data=spent))

    def publish_overlay(
        self, image: np.ndarray, answers: Sequence[Answer], header: Header, age: float, rate: float
    ) -> None:
        """Publish the overlay if someone listens.

        Args:
            image: (H, W, 3) uint8 RGB.
            answers: on the image.
            header: of the image.
            age: of the image, in seconds.
            rate: images answered per second.
        """
        if self._overlay.get_subscription_count() > 0:
            self._overlay.publish(to_message(draw(image, *answers, age=age, rate=rate), "rgb8", header))
