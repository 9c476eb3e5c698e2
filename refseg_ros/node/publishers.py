"""Publishers that are opened and closed together."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile

from refseg_ros.node.queries import MOST_EXPRESSIONS
from refseg_ros.ros.qos import OVERRIDABLE


class Publishers:
    """Publishers of the answers on one camera's images: reliable, and deep enough for all answers on one image."""

    def __init__(self, node: Node) -> None:
        """Begin with no publisher open."""
        self._node = node
        self._open: list[Publisher] = []

    def open(self, kind: type, name: str) -> Publisher:
        """Open a publisher."""
        publisher: Publisher = self._node.create_publisher(
            kind,
            name,
            QoSProfile(depth=MOST_EXPRESSIONS),
            qos_overriding_options=OVERRIDABLE,
        )
        self._open.append(publisher)
        return publisher

    @property
    def topics(self) -> list[str]:
        """Their names in full."""
        return [publisher.topic_name for publisher in self._open]

    def close(self) -> None:
        """Close all of them."""
        for publisher in self._open:
            self._node.destroy_publisher(publisher)
        self._open.clear()
