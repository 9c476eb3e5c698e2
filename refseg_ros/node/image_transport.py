"""How images travel: the message types and the topics of each transport."""

from __future__ import annotations

from typing import NamedTuple

from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image


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
        """The topic that carries the images which a user calls `name`, in full and remapped.

        That is `name` with the suffix; or without, where the name ends in it already, or where somebody publishes
        messages of this type under the name itself.
        """
        base = node.resolve_topic_name(name)
        if base.endswith(self.suffix):
            return base
        publishers = node.get_publishers_info_by_topic(base)
        itself = any(publisher.topic_type == self.type_name for publisher in publishers)
        return base if itself else base + self.suffix


COLOUR = {"raw": Transport(Image, ""), "compressed": Transport(CompressedImage, "/compressed")}
"""By the values of the parameter `image_transport`."""
DEPTH = {"raw": Transport(Image, ""), "compressed": Transport(CompressedImage, "/compressedDepth")}
"""By the values of the parameter `depth_transport`."""
