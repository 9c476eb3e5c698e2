"""What the node publishes about the things of one camera in space."""

from __future__ import annotations

from collections.abc import Sequence

from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from refseg_ros.node import vision_messages
from refseg_ros.node.messages_3d import Target, cloud_message, marker_message, pose_message
from refseg_ros.node.publishers import Publishers


class Outputs3D(Publishers):
    """What the node publishes about the things of one camera with depth."""

    def __init__(self, node: Node, prefix: str) -> None:
        """Open the topics; their names begin with `prefix`."""
        super().__init__(node)
        self._pose = self.open(PoseStamped, f"{prefix}pose")
        self._markers = self.open(MarkerArray, f"{prefix}markers")
        self._cloud = self.open(PointCloud2, f"{prefix}cloud")
        if vision_messages.AVAILABLE:
            self._detections = self.open(vision_messages.vision.Detection3DArray, f"{prefix}detections_3d")

    def publish(self, targets: Sequence[Target], header: Header) -> None:
        """Publish a pose for each thing that was placed, and markers, cloud and detections of all of them."""
        placed = [target.lifted for target in targets if target.lifted is not None]
        for lifted in placed:
            self._pose.publish(pose_message(lifted.box, header))
        if self._markers.get_subscription_count() > 0:
            self._markers.publish(marker_message(targets, header))
        if self._cloud.get_subscription_count() > 0:
            self._cloud.publish(cloud_message(placed, header))
        if vision_messages.AVAILABLE:
            self._detections.publish(vision_messages.detections_3d(targets, header))
