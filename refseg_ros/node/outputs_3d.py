"""What the node says about the things of one camera in space."""

from __future__ import annotations

from collections.abc import Sequence

from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from refseg_ros import vision_messages
from refseg_ros.messages_3d import Target, cloud_message, marker_message, pose_message
from refseg_ros.node.queries import MOST_EXPRESSIONS


class Outputs3D:
    """The publishers of one camera with depth; reliable."""

    def __init__(self, node: Node, prefix: str) -> None:
        """Open them; their names begin with `prefix`."""
        self._node = node
        qos = QoSProfile(depth=MOST_EXPRESSIONS)
        overridable = QoSOverridingOptions.with_default_policies()

        def publisher(kind: type, name: str) -> Publisher:
            return node.create_publisher(kind, f"{prefix}{name}", qos, qos_overriding_options=overridable)

        self._pose = publisher(PoseStamped, "pose")
        self._markers = publisher(MarkerArray, "markers")
        self._cloud = publisher(PointCloud2, "cloud")
        self._all = [self._pose, self._markers, self._cloud]
        if vision_messages.AVAILABLE:
            self._detections = publisher(vision_messages.vision.Detection3DArray, "detections_3d")
            self._all.append(self._detections)

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

    def close(self) -> None:
        """Take them back."""
        for publisher in self._all:
            self._node.destroy_publisher(publisher)
