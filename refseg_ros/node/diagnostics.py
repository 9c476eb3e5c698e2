"""What the node says about itself on /diagnostics, once per second."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile

from refseg_ros.node.freshness import RATE_WINDOW
from refseg_ros.node.health import Health
from refseg_ros.node.model import FAILURES

PERIOD = 1.0
"""Seconds from one message to the next."""
STALL = 3.0
"""Seconds without an image after which a camera is said to have stalled."""

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


class Diagnostics:
    """Publishes the statuses of the node every PERIOD of real time."""

    def __init__(self, node: Node, describe: Callable[[], list[DiagnosticStatus]]) -> None:
        """Begin; `describe` gives the statuses of the moment."""
        self._node, self._describe = node, describe
        self._published = -PERIOD
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", QoSProfile(depth=10))
        node.create_timer(PERIOD, self.publish, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def publish(self) -> None:
        """Publish now."""
        self._published = time.monotonic()
        array = DiagnosticArray(status=self._describe())
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)

    def publish_if_due(self) -> None:
        """Publish if the last time is a PERIOD ago; for use while the executor is blocked."""
        if time.monotonic() - self._published >= PERIOD:
            self.publish()


def status(name: str, level: bytes, message: str, values: Mapping[str, object]) -> DiagnosticStatus:
    """A status; floats among the values are rounded to three digits."""
    shown = {key: f"{value:.3g}" if isinstance(value, float) else str(value) for key, value in values.items()}
    return DiagnosticStatus(
        name=name, level=level, message=message, values=[KeyValue(key=key, value=text) for key, text in shown.items()]
    )


AT_ITS_TURN, WHEN_ANSWERED = "at its turn", "when answered"
WHY_STALE = {
    AT_ITS_TURN: "images are {age:.3g} s old at their turn, older than max_frame_age {limit:g}: do the camera's clock "
    "and this machine's agree, and has a played bag use_sim_time?",
    WHEN_ANSWERED: "images are {age:.3g} s old when their answers are ready, older than max_frame_age {limit:g}: ask "
    "for fewer things at a time, choose a faster model, or set max_frame_age higher",
}
"""When images were found to be too old -> what the diagnostics say about it."""


def camera_status(
    name: str, topic: str, health: Health, max_frame_age: float, why_silent: Callable[[], str]
) -> DiagnosticStatus:
    """The status of a camera: level, message and values of one moment. `why_silent` is called when no image comes."""
    now = time.monotonic()
    level, message = _judged(health, now, max_frame_age, why_silent)
    return status(name, level, message, _values(health, now, topic))


def _judged(health: Health, now: float, max_frame_age: float, why_silent: Callable[[], str]) -> tuple[bytes, str]:
    rates = f"{health.images.per_second(now):.1f} images/s, {health.answers.per_second(now):.1f} answered/s"
    if health.failed_in_a_row >= FAILURES:
        return ERROR, f"the last {health.failed_in_a_row} images were lost: {health.last_fault}"
    if health.silence(now) >= STALL:
        return WARN, f"no image for {health.silence(now):.0f} s: {why_silent()}"
    if health.stale:
        return WARN, WHY_STALE[health.stale].format(age=health.frame_age, limit=max_frame_age)
    if health.since_fault(now) < RATE_WINDOW:
        return WARN, f"an image was not answered: {health.last_fault}"
    if health.not_placed:
        return WARN, f"{rates}; nothing placed in space: {health.not_placed}"
    return OK, rates


def _values(health: Health, now: float, topic: str) -> dict[str, object]:
    times = list(health.inference)
    return {
        "topic": topic,
        "images per second": health.images.per_second(now),
        "answered per second": health.answers.per_second(now),
        "seconds since the last image": health.silence(now),
        "age of the last image [s]": health.frame_age,
        "inference, mean [ms]": sum(times) / len(times) if times else 0.0,
        "inference, longest [ms]": max(times, default=0.0),
        **dataclasses.asdict(health.counters),
        "last fault": health.last_fault,
        "not placed in space": health.not_placed,
    }
