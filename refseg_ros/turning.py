"""Turns of an executor that no message and no call ends, whatever is in it."""

from __future__ import annotations

from collections.abc import Callable

import rclpy

from refseg_ros.node.queries import shown


def turn(spin_once: Callable[[], object], refuse: Callable[[str, str], object]) -> None:
    """Take one turn; what a message or a call raises costs that one alone, and not the node.

    rclpy itself raises for a text that is no UTF-8 and for a parameter of a type that there is not.

    Args:
        spin_once: takes the turn.
        refuse: called with the kind of a fault and its reason, such as `FaultLog.note`.

    Raises:
        Exception: what the turn raised, where ROS is at its end.
    """
    try:
        spin_once()
    except UnicodeDecodeError as error:
        refuse("text", f"message refused: a text in it is no UTF-8 ({error.reason} at byte {error.start})")
    except Exception as error:
        if not rclpy.ok():
            raise
        refuse("call", f"call refused: {type(error).__name__}: {shown(str(error))}")
