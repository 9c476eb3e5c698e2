"""What there is while the node is active: the worker, the cameras and the topic of the query."""

from __future__ import annotations

from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from std_msgs.msg import String

from refseg_ros.faults import FaultLog
from refseg_ros.msg import Segmentation
from refseg_ros.node.camera import Camera
from refseg_ros.node.entities import forget_destroyed
from refseg_ros.node.model import Model
from refseg_ros.node.queries import Questions
from refseg_ros.node.transforms import Transforms
from refseg_ros.node.worker import Worker
from refseg_ros.node_config import SegmentNodeConfig
from refseg_ros.parameters import Parameters

PATIENCE = 1.0
"""Seconds that a frame in the works has when the node is deactivated; one that takes longer is abandoned."""
LAST_PATIENCE = 0.2
"""Seconds that it has when the process ends."""


class Session:
    """Everything that activation opens and deactivation closes.

    Attributes:
        model: what computes.
        worker: who computes.
        is_closed: whether it is over.
        cameras: one for each name in the parameter `cameras`, or the one without a name.
    """

    def __init__(
        self,
        node: Node,
        model: Model,
        settings: Parameters[SegmentNodeConfig],
        questions: Questions,
        faults: FaultLog,
        ask: Callable[[str], None],
        told: Callable[[str, Segmentation], None],
    ) -> None:
        """Open everything; `ask` takes the text of a query, `told` is that of `Camera`."""
        self._node = node
        self.is_closed = False
        self.model = model
        self.worker = Worker()
        target = settings.config.target_frame
        self._transforms = Transforms(node, target, faults) if target else None
        self.cameras = [
            Camera(node, name, model, settings, questions, self.worker, faults, told, self._transforms, self.mend)
            for name in settings.config.cameras or ("",)
        ]
        self._query = node.create_subscription(
            String,
            "query",
            lambda message: ask(message.data),
            QoSProfile(depth=1),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def statuses(self) -> list[DiagnosticStatus]:
        """How each camera fares."""
        own = [topic for camera in self.cameras for topic in camera.outputs.topics]
        return [camera.status(own) for camera in self.cameras]

    def mend(self) -> None:
        """Load the model again if it broke down; for the worker's thread."""
        self.model.mend(self.forget)

    def forget(self) -> None:
        """Begin anew with the next image of each camera."""
        for camera in self.cameras:
            camera.forget()

    def close(self, patience: float) -> bool:
        """Close everything, and tell whether the worker came to its end within so many seconds."""
        self.is_closed = True
        self._node.destroy_subscription(self._query)
        for camera in self.cameras:
            camera.close()
        if self._transforms is not None:
            self._transforms.close()
        forget_destroyed(self._node)
        return self.worker.stop(patience)
