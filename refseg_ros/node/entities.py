"""What rclpy remembers of the publishers and subscriptions of a node."""

from __future__ import annotations

from rclpy.node import Node


def forget_destroyed(node: Node) -> None:
    """Drop what the node's callback group remembers of the destroyed, which rclpy never does: 3 kB for an activation.

    Of what was destroyed a moment ago some may still be held by the executor; the next time drops it.
    """
    group = node.default_callback_group
    group.entities = {entity for entity in group.entities if entity() is not None}
