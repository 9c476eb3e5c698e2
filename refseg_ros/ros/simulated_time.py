"""Simulated time, which comes on /clock, or does not."""

from __future__ import annotations

from rclpy.node import Node


def why_no_time(node: Node) -> str:
    """Why no time can come to a node; empty if it has this machine's, or somebody publishes one."""
    if node.get_parameter("use_sim_time").value and not node.count_publishers("/clock"):
        return "use_sim_time is true, but nobody publishes the time on /clock"
    return ""
