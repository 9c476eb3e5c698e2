"""The QoS policies that users can override by parameters."""

from __future__ import annotations

from rclpy.qos import QoSPolicyKind
from rclpy.qos_overriding_options import QoSOverridingOptions

OVERRIDABLE = QoSOverridingOptions((QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY))
"""For topics of images, transforms and answers: the policy that must match the other side, and the queue depth.

Each policy adds a parameter to each topic; more of them would only fill `ros2 param list`.
"""
