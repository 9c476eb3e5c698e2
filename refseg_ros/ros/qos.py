"""The QoS policies that users can override by parameters."""

from __future__ import annotations

import re

from rclpy.node import Node
from rclpy.qos import QoSPolicyKind, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

from refseg_ros.text import brief, quoted, suggestion

OVERRIDABLE = QoSOverridingOptions((QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY))
"""For topics of images, transforms and answers: the policy that must match the other side, and the queue depth.

Each policy adds a parameter to each topic; more of them would only fill `ros2 param list`.
"""
_SUFFIXES = tuple(f".{policy.name.lower()}" for policy in OVERRIDABLE.policy_kinds)
_DEEPEST = 2**31 - 1
_RELIABILITIES = tuple(policy.name.lower() for policy in ReliabilityPolicy if policy != ReliabilityPolicy.UNKNOWN)


def is_override(name: str) -> bool:
    """Whether a parameter overrides a policy of OVERRIDABLE; rclpy declares it with the topic, if there is one."""
    return name.startswith("qos_overrides.") and name.endswith(_SUFFIXES)


def check_override(name: str, value: object) -> None:
    """Check the value of a QoS override; rclpy itself checks it when the topic is opened, if at all.

    Raises:
        ValueError: rclpy could not use it.
    """
    if name.endswith(".reliability") and str(value).lower() not in _RELIABILITIES:
        raise ValueError(f"{quoted(name)} is {brief(value)}; it must be one of {', '.join(_RELIABILITIES)}")
    if name.endswith(".depth") and not (type(value) is int and 0 <= value <= _DEEPEST):
        raise ValueError(f"{quoted(name)} is {brief(value)}; it must be a whole number from 0 to {_DEEPEST}")


def warn_of_unused_overrides(node: Node) -> None:
    """Warn of QoS overrides of a node that none of its topics takes; call it when the topics are open."""
    topics = [f"qos_overrides.{name}" for name in node.get_parameters_by_prefix("qos_overrides")]
    # These may be for another node of the process, or of the params file, at the other end of the topic.
    others = {re.sub(r"\.(publisher|subscription)\.", ".", name) for name in topics}
    for name in filter(is_override, sorted(node._parameter_overrides)):
        if not node.has_parameter(name) and re.sub(r"\.(publisher|subscription)\.", ".", name) not in others:
            node.get_logger().warning(f"no topic takes {quoted(name)} so far{suggestion(name, topics)}")
