"""Spinning that survives any message and any call."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from refseg_ros.text import quoted

LOOK = 1.0
"""Most seconds from one call of `goes_on` to the next: rclpy does not always wake up at a signal."""


def spin(node: Node, refuse: Callable[[str, str], object], goes_on: Callable[[], bool] = lambda: True) -> None:
    """Spin a node until its context is shut down; an error from a message or a call costs only this one.

    rclpy itself raises for text that is not UTF-8 and for parameters of unknown type.

    Args:
        node: in no executor.
        refuse: called with the kind of a fault and its reason, such as `FaultLog.note`.
        goes_on: asked after each callback, and LOOK after the last one; False ends it too.

    Raises:
        Exception: any error after the context was shut down.
    """
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    try:
        while node.context.ok() and goes_on():
            try:
                executor.spin_once(timeout_sec=LOOK)
            except UnicodeDecodeError as error:
                refuse("text", f"message refused: a text in it is no UTF-8 ({error.reason} at byte {error.start})")
            except Exception as error:
                if not node.context.ok():
                    raise
                refuse("call", f"call refused: {type(error).__name__}: {quoted(str(error))}")
    finally:
        executor.remove_node(node)
