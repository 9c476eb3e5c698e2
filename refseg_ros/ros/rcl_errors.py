"""What the errors of rclpy and rcl tell a user."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import rclpy
from rclpy.context import Context
from rclpy.impl.implementation_singleton import rclpy_implementation

from refseg_ros.text import one_line

_PLACE = ", at /"
"""Begins the part that names source files of ROS."""


class NodeError(ValueError):
    """ROS refuses to make a node; the one-line message is that of ROS, and what to do."""


def reason(error: Exception) -> str:
    """The words of an error in one line, without the places in the sources of ROS; and what to do without a log."""
    why = one_line(str(error).split(_PLACE)[0])
    return f"{why}; name a folder for logs with ROS_LOG_DIR" if "initialize logging" in why else why


@contextmanager
def making_node(context: Context | None = None) -> Iterator[None]:
    """Make a node in the block.

    Args:
        context: of the node; None for the default one.

    Raises:
        NodeError: rcl does not make it, though the context is not shut down.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Failed to fini rosout publisher")  # comes in addition to the error
        try:
            yield
        except rclpy_implementation.RCLError as error:
            if not rclpy.ok(context=context):
                raise
            why = reason(error)
            if "resolve peer" in why:
                why += "; ROS_STATIC_PEERS holds addresses or names of machines, separated by ;"
            raise NodeError(why) from error
