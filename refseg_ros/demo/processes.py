"""Runs nodes as processes with log files; they never outlive the process that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from refseg_ros.demo import domain
from refseg_ros.interrupts import end_with_parent
from refseg_ros.ros.transport import keep_discovery_local
from refseg_ros.text import printable

Setting = str | int | float | bool | Sequence[str]
"""A value of a ROS parameter."""

PATIENCE = 3.0
"""Seconds that a process may take to end after SIGINT."""


class DemoError(Exception):
    """The demonstration cannot go on; the message gives the reason."""


def failed(error: Exception) -> int:
    """Print why a demonstration cannot go on, which may take several lines; returns the exit code."""
    print("error: " + "\n    ".join(map(printable, str(error).splitlines())), file=sys.stderr)
    return 1


class NodeProcess:
    """A node of this package in its own process; a context manager that ends it.

    Attributes:
        name: the module of the node, such as "segment_node".
        log: the file with its output.
        process: the running process.
    """

    def __init__(
        self, name: str, parameters: Mapping[str, Setting], log: Path, remappings: Mapping[str, str] | None = None
    ) -> None:
        """Start `python -m refseg_ros.NAME` with ROS parameters, in this process's environment.

        Args:
            name: the module of the node, such as "segment_node".
            parameters: their values by name.
            log: file for its output.
            remappings: name of a topic or node -> new name, as with -r FROM:=TO.

        Raises:
            OSError: the log cannot be written.
        """
        self.name = name
        self.log = log
        assignments = [word for key, value in parameters.items() for word in ("-p", f"{key}:={_yaml(value)}")]
        assignments += [word for old, new in (remappings or {}).items() for word in ("-r", f"{old}:={new}")]
        command = [sys.executable, "-m", f"refseg_ros.{name}", "--ros-args", *assignments]
        try:
            with open(log, "wb") as output, interrupts_held():
                # In its own session: Ctrl-C reaches only the parent, which ends its nodes in order.
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=end_with_parent,
                )
        except KeyboardInterrupt:
            self.stop()
            raise

    def check(self) -> None:
        """Raise DemoError with the end of the log if the process ended."""
        code = self.process.poll()
        if code is not None:
            raise DemoError(f"{self.name} ended with exit code {code}; {self.tail()}")

    def tail(self, lines: int = 8) -> str:
        """The last lines of the log under a heading."""
        last = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "\n    ".join([f"the end of {self.log}:", *last])

    def stop(self, sent: signal.Signals = signal.SIGINT) -> int:
        """End the process, by force if it must be; return its exit code, negative for the signal that killed it."""
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
    """Delay a Ctrl-C in the block until its end, so that a process started in the block can still be stopped."""
    held: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if held:
        raise KeyboardInterrupt


def stay_on_this_machine() -> None:
    """Restrict discovery of this process and its children to this machine, and to an own domain unless one is set."""
    keep_discovery_local()
    if domain.VARIABLE not in os.environ:
        domain.claim_domain()


def _yaml(value: Setting) -> str:
    """A value for a ROS command line; a text gets quotes, so that it is not read as a number."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_yaml, value))}]"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value).lower() if isinstance(value, bool) else str(value)
