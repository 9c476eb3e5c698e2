"""Findings from a process that is ended when the time is over."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection

from refseg_ros.doctor.finding import Finding, error
from refseg_ros.interrupts import end_with_parent


def within(seconds: float, findings: Iterator[Finding]) -> Iterator[Finding]:
    """Make findings in another process, and end it, with all that it started, when the time is over.

    A build, or a call that hangs in a driver, cannot be stopped from within its process. If a library crashes the
    process, the findings before the crash remain.

    Raises:
        Exception: whatever `findings` raise.
    """
    context = multiprocessing.get_context("fork")  # the child inherits everything, including the stand-ins
    ours, theirs = context.Pipe(duplex=False)
    worker = context.Process(target=_send, args=(findings, theirs))
    end = time.monotonic() + seconds
    worker.start()
    assert worker.pid is not None
    os.setpgid(worker.pid, worker.pid)  # a group of its own, which can be ended as a whole
    theirs.close()
    try:
        while ours.poll(max(0.0, end - time.monotonic())):
            try:
                told = ours.recv()
            except EOFError:
                worker.join()
                if worker.exitcode:
                    yield error(f"the process ended with exit code {worker.exitcode}; what comes next was not tried")
                return
            if isinstance(told, Exception):
                raise told
            yield told
        yield error(f"the {seconds:.0f} s are over; what was tried after the line above was ended")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
        worker.join()


def _send(findings: Iterator[Finding], pipe: Connection) -> None:
    end_with_parent()
    try:
        for finding in findings:
            pipe.send(finding)
    except Exception as failure:  # it is raised where the findings are read
        pipe.send(failure)
