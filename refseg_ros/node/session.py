"""What there is while the node is active: the worker, the cameras and the topic of the query."""

from __future__ import annotations

from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import String

from refseg_ros.msg import Segmentation
from refseg_ros.node.camera import Camera, NodeParts
from refseg_ros.node.entities import forget_destroyed
from refseg_ros.node.model import Model
from refseg_ros.node.queries import ActiveQueries
from refseg_ros.node.transforms import Transforms
from refseg_ros.node.worker import Worker
from refseg_ros.ros.faults import FaultLog
from refseg_ros.ros.node_config import SegmentNodeConfig
from refseg_ros.ros.parameters import Parameters
from refseg_ros.ros.qos import OVERRIDABLE

PATIENCE = 1.0
"""Seconds to wait for the current frame when the node is deactivated; if it takes longer, it is abandoned."""
LAST_PATIENCE = 0.2
"""The same when the process ends."""


class Session:
    """Everything that activation opens and deactivation closes.

    Attributes:
        model: the loaded model.
        settings: the node's, always current.
        worker: the thread that computes.
        is_closed: whether it was closed.
        cameras: one for each name in the parameter `cameras`, or the one without a name.
    """

    def __init__(
        self,
        node: Node,
        model: Model,
        settings: Parameters[SegmentNodeConfig],
        queries: ActiveQueries,
        faults: FaultLog,
        on_query: Callable[[str], None],
        on_goal_answer: Callable[[str, Segmentation], None],
    ) -> None:
        """Open everything.

        Args:
            node: the owner of the topics.
            model: the loaded model.
            settings: the node's, always current.
            queries: the active ones.
            faults: where faults are counted.
            on_query: takes the text of a query that arrives.
            on_goal_answer: see `NodeParts`.
        """
        self._node = node
        self.is_closed = False
        self.model, self.settings = model, settings
        self.worker = Worker()
        target = settings.config.target_frame
        self._transforms = Transforms(node, target, faults) if target else None
        parts = NodeParts(node, model, settings, queries, self.worker, faults, on_goal_answer, self._transforms)
        self.cameras = [Camera(parts, name) for name in settings.config.cameras or ("",)]
        self._query = node.create_subscription(
            String,
            "query",
            lambda message: on_query(message.data),
            QoSProfile(depth=1),
            qos_overriding_options=OVERRIDABLE,
        )

    def statuses(self) -> list[DiagnosticStatus]:
        """How each camera fares."""
        own = [topic for camera in self.cameras for topic in camera.outputs.topics]
        return [camera.status(own) for camera in self.cameras]

    def close(self, patience: float) -> bool:
        """Close everything; returns whether the worker ended within `patience` seconds."""
        self.is_closed = True
        self._node.destroy_subscription(self._query)
        for camera in self.cameras:
            camera.close()
        self.model.forget()
        if self._transforms is not None:
            self._transforms.close()
        forget_destroyed(self._node)
        return self.worker.stop(patience)
