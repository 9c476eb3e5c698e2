"""The nodes as processes of their own, each with a log file, that never outlive whoever started them."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

Setting = str | int | float | bool | Sequence[str]
"""A value of a ROS parameter."""

PATIENCE = 3.0
"""Seconds that a process has to end after SIGINT."""

_LIBC = ctypes.CDLL(None)
_SET_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of <sys/prctl.h>."""


class DemoError(Exception):
    """The demonstration cannot go on; the message says why."""


class NodeProcess:
    """One node of this package in a process; a context manager that ends it.

    Attributes:
        name: the module of the node, such as "segment_node".
        log: the file that takes what it prints.
        process: the running process.
    """

    def __init__(self, name: str, parameters: Mapping[str, Setting], log: Path) -> None:
        """Start `python -m refseg_ros.NAME` with ROS parameters, in this process's environment.

        Raises:
            OSError: the log cannot be written.
        """
        self.name = name
        self.log = log
        assignments = [word for key, value in parameters.items() for word in ("-p", f"{key}:={_yaml(value)}")]
        command = [sys.executable, "-m", f"refseg_ros.{name}", "--ros-args", *assignments]
        try:
            with open(log, "wb") as output, interrupts_held():
                # A session of its own: Ctrl-C reaches the parent alone, which ends its nodes in order.
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=_end_with_parent,
                )
        except KeyboardInterrupt:
            self.stop()
            raise

    def check(self) -> None:
        """Raise DemoError with the end of the log if the process has ended."""
        code = self.process.poll()
        if code is not None:
            raise DemoError(f"{self.name} ended with exit code {code}; {self.tail()}")

    def tail(self, lines: int = 8) -> str:
        """Give the last lines of the log, under a line that says so."""
        last = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "\n    ".join([f"the end of {self.log}:", *last])

    def stop(self, sent: signal.Signals = signal.SIGINT) -> int:
        """End the process, by force if it does not listen; its exit code, negative for the signal that killed it."""
        if self.process.poll() is None:
            self.process.send_signal(sent)
        with suppress(subprocess.TimeoutExpired):
            try:
                return self.process.wait(PATIENCE)
            finally:  # also when another Ctrl-C interrupts the waiting
                if self.process.poll() is None:
                    self.process.kill()
        return self.process.wait()

    def __enter__(self) -> NodeProcess:
        """Return the running process."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.stop()


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Let a Ctrl-C of the block take effect at its end, when whoever has to end what was begun knows of it."""
    held: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if held:
        raise KeyboardInterrupt


def stay_on_this_machine() -> None:
    """Keep discovery of this process and its children on this machine, and in a domain of its own unless one is set."""
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))


def _end_with_parent() -> None:
    """Have the kernel end the process that calls this, in order, when the one that started it is killed."""
    _LIBC.prctl(_SET_DEATH_SIGNAL, signal.SIGTERM)


def _yaml(value: Setting) -> str:
    """A value as the command line of ROS reads it: a text in quotes, for it not to be taken for a number."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_yaml, value))}]"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value).lower() if isinstance(value, bool) else str(value)
