"""Spinning that survives any message and any call."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.context import Context

from refseg_ros.text import quoted


def spin(spin_once: Callable[[], object], refuse: Callable[[str, str], object], context: Context) -> None:
    """Spin once; an error from a message or a call costs only this one, not the node.

    rclpy itself raises for text that is not UTF-8 and for parameters of unknown type.

    Args:
        spin_once: spins an executor once.
        refuse: called with the kind of a fault and its reason, such as `FaultLog.note`.
        context: of the executor.

    Raises:
        Exception: any error after the context was shut down.
    """
    try:
        spin_once()
    except UnicodeDecodeError as error:
        refuse("text", f"message refused: a text in it is no UTF-8 ({error.reason} at byte {error.start})")
    except Exception as error:
        if not context.ok():
            raise
        refuse("call", f"call refused: {type(error).__name__}: {quoted(str(error))}")
