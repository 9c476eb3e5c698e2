"""What the errors of rclpy and rcl tell a user."""

from __future__ import annotations

from refseg_ros.text import one_line

_PLACE = ", at /"
"""Begins the part that names source files of ROS."""


def reason(error: Exception) -> str:
    """The words of an error in one line, without the places in the sources of ROS."""
    return one_line(str(error).split(_PLACE)[0])
