"""A node of your own that asks and listens: python examples/watch_results.py "the red mug; the bowl".

The query goes out reliable and is kept for late joiners, so that it does not matter which node starts first.
"""

import contextlib
import sys

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String

from refseg_ros import Verdict
from refseg_ros.msg import Segmentation


class Watcher(Node):
    """Publishes one query, and prints every answer to it."""

    def __init__(self, query: str) -> None:
        super().__init__("watcher")
        kept = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.query = self.create_publisher(String, "/refseg/query", kept)
        self.create_subscription(Segmentation, "/refseg/result", self.on_result, 10)
        # Until the node `segment` listens there is nobody to ask.
        self.asking = self.create_timer(0.2, lambda: self.ask(query))

    def ask(self, query: str) -> None:
        """Ask once, as soon as somebody listens."""
        if self.query.get_subscription_count():
            self.query.publish(String(data=query))
            self.asking.cancel()

    def on_result(self, result: Segmentation) -> None:
        """Print an answer; every frame has one for each expression, also when nothing was found."""
        box, place = result.box, result.placement
        line = f"{result.query}: {Verdict(result.verdict).label} {result.score:.2f}"
        if result.verdict == Segmentation.FOUND:
            line += f" at x={box.x} y={box.y} width={box.width} height={box.height}"
            line += ", stands still" if result.stable else ""
        if place.known:
            point = place.pose.position
            line += f", {point.x:.3f} {point.y:.3f} {point.z:.3f} m in {place.frame_id}"
        print(line, flush=True)


if len(sys.argv) < 2:
    print(f"usage: python {sys.argv[0]} QUERY", file=sys.stderr)
    sys.exit(2)
rclpy.init()
with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
    rclpy.spin(Watcher(sys.argv[1]))
