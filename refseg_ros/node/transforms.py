"""Where the frames of the robot are, from /tf and /tf_static."""

from __future__ import annotations

import threading
import time
from importlib.util import find_spec
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Header

from refseg_ros.node.depth import nanoseconds_of
from refseg_ros.ros.faults import FaultLog
from refseg_ros.ros.qos import OVERRIDABLE
from refseg_ros.space.transforms import Transform, TransformError, TransformTree

AVAILABLE = find_spec("tf2_msgs") is not None
"""Whether the messages of /tf are installed; without them nothing else here may be used."""
PATIENCE = 0.1
"""Seconds to wait for the transform of an answered image, if transforms have been coming."""
SILENCE = 1.0
"""A transform that has not come for so many seconds is not waited for."""
KEPT_UNREAD = 100
"""Queue depth of the subscriptions, the same as in tf2."""


class Transforms:
    """Receives transforms in the executor's thread, and gives them to the worker's."""

    def __init__(self, node: Node, target: str, faults: FaultLog) -> None:
        """Subscribe; `target` is the frame in which things are wanted, `faults` counts transforms that are refused."""
        from tf2_msgs.msg import TFMessage

        self.target = target.lstrip("/")
        self._node, self._faults = node, faults
        self._came = threading.Condition()
        self._tree = TransformTree()
        kept = QoSProfile(depth=KEPT_UNREAD, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._subscriptions = [
            node.create_subscription(TFMessage, topic, callback, qos, qos_overriding_options=OVERRIDABLE)
            for topic, callback, qos in (
                ("/tf", lambda message: self._on_transforms(message, is_static=False), QoSProfile(depth=KEPT_UNREAD)),
                ("/tf_static", lambda message: self._on_transforms(message, is_static=True), kept),
            )
        ]

    def at(self, header: Header) -> Transform:
        """The transform from the frame of an image to the target frame at the stamp of the image.

        Raises:
            TransformError: there is none, and none came in time.
        """
        end = time.monotonic() + PATIENCE
        stamp = nanoseconds_of(header)
        with self._came:
            while True:
                try:
                    return self._tree.at(self.target, header.frame_id, stamp)
                except TransformError as error:
                    left = end - time.monotonic()
                    if error.lag is None or error.lag > SILENCE or not self._came.wait(max(0.0, left)):
                        raise

    def close(self) -> None:
        """Listen no more."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def _on_transforms(self, message: Any, is_static: bool) -> None:
        with self._came:
            for item in message.transforms:
                place, turn = item.transform.translation, item.transform.rotation
                try:
                    self._tree.put(
                        item.header.frame_id,
                        item.child_frame_id,
                        nanoseconds_of(item.header),
                        (place.x, place.y, place.z),
                        (turn.x, turn.y, turn.z, turn.w),
                        is_static,
                    )
                except TransformError as error:
                    self._faults.note("transform", f"transform refused: {error}")
            self._came.notify_all()
