"""Lifecycle transitions that log why they fail."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from refseg_ros.ros.rcl_errors import reason

Node = TypeVar("Node", bound=LifecycleNode)
Step = Callable[[Node, LifecycleState], TransitionCallbackReturn]


def transition(step: Step[Node]) -> Step[Node]:
    """Decorate a callback of a transition: an error becomes one line in the log, because rclpy swallows it."""

    @functools.wraps(step)
    def told(self: Node, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return step(self, state)
        except Exception as error:
            self.get_logger().fatal(f"{step.__name__} failed: {type(error).__name__}: {reason(error)}")
            return TransitionCallbackReturn.ERROR

    return told
