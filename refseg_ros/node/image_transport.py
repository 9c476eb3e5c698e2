"""How images travel: the message types and the topics of each transport, and what receives them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image

from refseg_ros.node.entities import forget_destroyed
from refseg_ros.ros.qos import OVERRIDABLE

LOOK = 1.0
"""Seconds from one look for the topic of images to the next, while none comes."""


class Transport(NamedTuple):
    """A transport of colour or of depth images, as image_transport names its topics."""

    message: type
    suffix: str
    """What it adds to the topic."""

    @property
    def type_name(self) -> str:
        """The type of its messages as the graph of ROS has it."""
        return f"sensor_msgs/msg/{self.message.__name__}"

    def topic(self, node: Node, name: str) -> str:
        """The topic of the images that a user calls `name`, as rclpy has to be asked for it: rclpy remaps it.

        It is `name` itself if that, remapped, ends in the suffix, or if somebody publishes messages of this type there;
        otherwise the remapped name with the suffix. To remap a name twice would undo a swap of two topics.
        """
        base = node.resolve_topic_name(name)
        if base.endswith(self.suffix):
            return name
        publishers = node.get_publishers_info_by_topic(name)
        itself = any(publisher.topic_type == self.type_name for publisher in publishers)
        return name if itself else base + self.suffix


COLOUR = {"raw": Transport(Image, ""), "compressed": Transport(CompressedImage, "/compressed")}
"""By the values of the parameter `image_transport`."""
DEPTH = {"raw": Transport(Image, ""), "compressed": Transport(CompressedImage, "/compressedDepth")}
"""By the values of the parameter `depth_transport`."""


class ImageSubscription:
    """Receives images of one name by a transport.

    While none comes it looks for the topic again: a publisher under the name itself may have been discovered since.

    Attributes:
        transport: the current one.
        asked: the topic as rclpy was asked for it, before it was remapped.
        topic: in full; may be read in any thread.
        qos: of the subscription, with its overrides.
    """

    def __init__(
        self, node: Node, transport: Transport, name: str, take: Callable[[Any], object], depth: int = 1
    ) -> None:
        """Subscribe.

        Args:
            node: the owner of the subscription.
            transport: of the images.
            name: of the topic, with or without the suffix of the transport.
            take: called with each message.
            depth: of the queue.
        """
        self._node, self._name, self._take, self._queue = node, name, take, depth
        self._heard = -math.inf
        self._looking = node.create_timer(LOOK, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._subscription: Subscription | None = None
        self.listen(transport)

    def listen(self, transport: Transport) -> None:
        """Subscribe to images that come by this transport, instead of those before."""
        self._end()
        self.transport = transport
        self.asked = transport.topic(self._node, self._name)
        self.qos = QoSProfile(depth=self._queue, reliability=ReliabilityPolicy.BEST_EFFORT)  # rclpy overrides in place
        self._subscription = self._node.create_subscription(
            transport.message, self.asked, self._on_image, self.qos, qos_overriding_options=OVERRIDABLE
        )
        self.topic = self._subscription.topic_name
        self._node.get_logger().info(f"waits for images on {self.topic}")

    def close(self) -> None:
        """Listen no more."""
        self._node.destroy_timer(self._looking)
        self._end()

    def _end(self) -> None:
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            forget_destroyed(self._node)

    def _on_image(self, message: Any) -> None:
        self._heard = time.monotonic()
        self._take(message)

    def _look(self) -> None:
        is_silent = time.monotonic() - self._heard > LOOK
        if is_silent and self.transport.topic(self._node, self._name) != self.asked:
            self.listen(self.transport)
