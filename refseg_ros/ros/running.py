"""The life of a node's process: from its arguments to its exit code."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Protocol

import rclpy
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.executors import ExternalShutdownException
from rclpy.logging import LoggingSeverity, get_logger, get_logger_effective_level, set_logger_level
from rclpy.signals import uninstall_signal_handlers
from rclpy.utilities import remove_ros_args

from refseg_ros.command import forget_interrupt
from refseg_ros.ros.parameters import ParameterError
from refseg_ros.ros.params_files import misnamed
from refseg_ros.ros.rcl_errors import NodeError, making_node, reason
from refseg_ros.ros.transport import fault_of_domain, prefer_large_shared_memory
from refseg_ros.ros.usage import HELP, usage
from refseg_ros.text import one_line

CANNOT_START = 1
"""Exit code."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_PATIENCE = 2.0
"""Seconds that rclpy has to shut the context down after a signal; it takes milliseconds."""


class ArgumentError(ValueError):
    """A node's command line is refused; the message says what is wrong and what to do."""


class RunnableNode(Protocol):
    """A node that `run_node` can run."""

    def run(self) -> bool:
        """Work until the context is shut down or the work is done; False if it cannot, after logging why."""
        ...

    def close(self) -> bool:
        """End the work; False if a thread is still inside a runtime, so that Python cannot shut down normally."""
        ...

    def destroy_node(self) -> None:
        """See `rclpy.node.Node`."""
        ...

    def get_fully_qualified_name(self) -> str:
        """As of `rclpy.node.Node`."""
        ...


def run_node(
    name: str,
    make: Callable[[], RunnableNode],
    settings: type,
    arguments: Sequence[str] | None,
    expected: tuple[type[Exception], ...] = (),
) -> int:
    """Run a node until SIGINT, SIGTERM or the end of its work; further signals are ignored.

    Args:
        name: of the node, for its log.
        make: returns the node; called after `rclpy.init`.
        settings: dataclass of its parameters, which `--help` prints.
        arguments: of the command line without the program; None for those of this process.
        expected: errors, beside ParameterError, that `make` and `run` raise if the node cannot run.

    Returns:
        The exit code: 0, or CANNOT_START after one line in the log with the reason.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    if not HELP.isdisjoint(given):
        print(usage(settings))
        return 0
    refusals: tuple[type[Exception], ...] = (ArgumentError, NodeError, ParameterError, *expected)
    signals = _FirstSignal()
    node: RunnableNode | None = None
    code = CANNOT_START
    try:
        try:
            _init(given)
            with making_node():
                node = make()
            for warning in misnamed(given, node.get_fully_qualified_name()):
                get_logger(name).warning(warning)
            code = 0 if node.run() or not rclpy.ok() else CANNOT_START
        finally:
            signals.end()
    except (KeyboardInterrupt, ExternalShutdownException):
        forget_interrupt()
        code = 0
    except Exception as error:
        # If a signal came, it is the reason: compiled modules turn a KeyboardInterrupt into another error.
        code = 0 if signals.has_come else _told(name, error, refusals)
    finally:
        rclpy.try_shutdown()
        if node is not None:
            _end(name, node, code)
    return code


def _told(name: str, error: Exception, refusals: tuple[type[Exception], ...]) -> int:
    """Log why a node cannot run, and return its exit code; raise any other error again."""
    if isinstance(error, refusals):
        get_logger(name).fatal(str(error))
    elif isinstance(error, (InvalidParameterTypeException, InvalidParameterValueException)):  # rclpy's own parameters
        get_logger(name).fatal(f"parameter refused: {one_line(error)}")
    elif isinstance(error, RuntimeError) and not rclpy.ok():  # of rclpy, interrupted by the signal
        return 0
    else:
        raise error
    return CANNOT_START


class _FirstSignal:
    """Turns the first signal into a KeyboardInterrupt, and ignores the others.

    Attributes:
        has_come: whether there was one.
    """

    def __init__(self) -> None:
        self._is_over = self.has_come = False
        for number in _SIGNALS:
            signal.signal(number, self._on_signal)

    def end(self) -> None:
        """Ignore signals from now on, and end rclpy's thread for them; call it before anything of rclpy is destroyed.

        After a signal that thread triggers guard conditions of executors and nodes, and shuts the context down. It does
        not look at what other threads do: if a node was destroyed meanwhile, or an executor was freed with the
        exception, the process ended with a segmentation fault.
        """
        self._is_over = True
        self._ignore()
        end = time.monotonic() + _PATIENCE
        while self.has_come and rclpy.ok() and time.monotonic() < end:
            time.sleep(0.001)
        uninstall_signal_handlers()  # waits for the thread, and restores the handlers from before rclpy.init
        self._ignore()

    def _ignore(self) -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.has_come = True
        if not self._is_over:
            self._is_over = True
            raise KeyboardInterrupt


def _init(arguments: list[str]) -> None:
    """`rclpy.init`, with one readable line if rcl refuses the arguments."""
    if fault := fault_of_domain():
        raise ArgumentError(fault)
    prefer_large_shared_memory()
    set_logger_level("rcl", LoggingSeverity.FATAL)  # otherwise it logs a line in addition to its error
    try:
        rclpy.init(args=arguments)
    except RuntimeError as error:
        raise ArgumentError(_why_refused(error)) from error
    finally:
        if get_logger_effective_level("rcl") == LoggingSeverity.FATAL:
            set_logger_level("rcl", LoggingSeverity.UNSET)
    others = remove_ros_args(arguments)
    if others:
        raise ArgumentError(f"{others[0]!r} is no argument; parameters are given as --ros-args -p NAME:=VALUE")


def _why_refused(error: Exception) -> str:
    if type(error).__name__ == "UnknownROSArgsError":
        return f"ROS knows no argument {one_line(error).strip('[]')}"
    why = reason(error).removeprefix("failed to initialize rcl: ")
    if "parameter override" in why:
        return f"{why}; put a text with : or # in quotes: -p 'NAME:=\"VALUE\"'"
    if "params file" in why:
        return f"{why}; is the file there, and is it YAML with NODE: ros__parameters: NAME: VALUE?"
    if "remap rule" in why:
        return f"{why}; a namespace begins with one /, and a part of a name is letters, digits and _, no digit first"
    return why


def _end(name: str, node: RunnableNode, code: int) -> None:
    closed = node.close()
    node.destroy_node()
    if closed:
        return
    get_logger(name).info("what is still being computed is abandoned")
    if sys.exc_info()[1] is not None:
        traceback.print_exc()  # the process ends here, before Python would print it
    gc.collect()  # other participants learn of the end when the last part of the node is gone
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
