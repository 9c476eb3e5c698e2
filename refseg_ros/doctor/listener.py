"""A ROS node that joins the running graph for some seconds to listen, and publishes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from refseg_ros.ros.guest import Guest

AGAIN = 0.5
"""Seconds from a call to the next one, while there is no response."""


class Listener(Guest):
    """Joins the graph as `doctor` to listen and to ask."""

    def __init__(self) -> None:
        super().__init__("doctor")

    def hear(self, topic: str, kind: type, take: Callable[[Any], None]) -> None:
        """Listen to a topic with a QoS that matches its publishers, including kept older messages."""
        offers = [giver.qos_profile for giver in self.node.get_publishers_info_by_topic(topic)]
        kept = bool(offers) and all(offer.durability == DurabilityPolicy.TRANSIENT_LOCAL for offer in offers)
        quality = QoSProfile(
            depth=10,
            reliability=ReliabilityPolicy.RELIABLE if kept else ReliabilityPolicy.BEST_EFFORT,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if kept else DurabilityPolicy.VOLATILE,
        )
        self.node.create_subscription(kind, topic, take, quality)

    def call(self, kind: type, service: str, seconds: float, request: Any = None) -> Any:
        """Call a service that changes nothing; None if no response comes in time.

        The call is repeated, because a server that has not discovered this client yet drops its response.
        """
        client: Any = self.node.create_client(kind, service)
        calls: list[Any] = []
        asked = -AGAIN

        def is_answered() -> bool:
            nonlocal asked
            if client.service_is_ready() and time.monotonic() - asked > AGAIN:
                asked = time.monotonic()
                calls.append(client.call_async(request or kind.Request()))  # type: ignore[attr-defined]
            return any(call.done() for call in calls)

        self.until(is_answered, seconds)
        return next((call.result() for call in calls if call.done()), None)

    def until(self, look: Callable[[], object], seconds: float) -> None:
        """Listen until `look` returns something true, at most for `seconds`."""
        end = time.monotonic() + seconds
        while not look() and time.monotonic() < end:
            self.spin(0.05)
