"""A ROS node that joins the running graph for the time of a command."""

from __future__ import annotations

from typing import TypeVar

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from refseg_ros.ros.rcl_errors import NodeError, making_node, reason
from refseg_ros.ros.transport import prefer_large_shared_memory

Self = TypeVar("Self", bound="Guest")


class Guest:
    """A node in a context of its own; a context manager that leaves the graph again.

    Attributes:
        node: to publish, subscribe and ask the graph with.
    """

    def __init__(self, name: str) -> None:
        """Join the graph.

        Raises:
            NodeError: ROS does not start, or does not make the node; the message is its own.
        """
        prefer_large_shared_memory()
        self._context = rclpy.Context()
        try:
            rclpy.init(args=[], context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        except RuntimeError as error:
            raise NodeError(reason(error)) from error
        with making_node(self._context):
            self.node: Node = rclpy.create_node(name, context=self._context, enable_rosout=False)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)

    def spin(self, seconds: float) -> None:
        """Take one message or response, or wait for one for some seconds."""
        self._executor.spin_once(timeout_sec=seconds)

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the graph."""
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)
