"""Ending a process by a signal, however busy the machine is."""

from __future__ import annotations

import signal
import subprocess

from refseg_ros.demo.processes import NodeProcess

PATIENCE = 60.0
"""Seconds after which a node that does not end is killed; what the tests have it compute takes longer."""


def ended_by(node: NodeProcess, sent: signal.Signals = signal.SIGINT) -> int:
    """The exit code after a signal; that of SIGKILL, negative, where the node does not end."""
    node.process.send_signal(sent)
    try:
        return node.process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        return node.stop(signal.SIGKILL)


def interruptible() -> None:
    """For `preexec_fn`: Ctrl-C ends the new process also in a background job of a shell, which has it ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
