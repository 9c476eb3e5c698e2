"""A node that does nothing but answer each image with an empty mask: `python -m benchmarks.echo_node`."""

from __future__ import annotations

import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from refseg_ros.images.messages import to_message
from refseg_ros.ros.transport import prefer_large_shared_memory


class EchoNode(Node):
    """/echo/image -> /echo/mask, mono8 of the same size and with the same header."""

    def __init__(self) -> None:
        super().__init__("echo")
        self._mask = self.create_publisher(Image, "/echo/mask", QoSProfile(depth=1))
        latest = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        self.create_subscription(Image, "/echo/image", self._on_image, latest)

    def _on_image(self, message: Image) -> None:
        mask = np.zeros((message.height, message.width), np.uint8)
        self._mask.publish(to_message(mask, "mono8", message.header))


def main() -> None:
    """Run until SIGINT."""
    prefer_large_shared_memory()
    rclpy.init()
    try:
        rclpy.spin(EchoNode())
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
