"""Findings from a process with a limit: what comes through, and what becomes of a process that hangs or falls."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from refseg_ros.doctor.finding import Finding, Level, ok
from refseg_ros.errors import BundleError
from refseg_ros.gpu_check.bounded import within
from tests.waiting import until


def test_findings_and_what_is_raised_come_through() -> None:
    def refused() -> Iterator[Finding]:
        yield ok("first")
        raise BundleError("no such model")

    findings = within(600.0, refused())
    assert next(findings) == ok("first")
    with pytest.raises(BundleError, match="no such model"):
        next(findings)
    assert list(within(600.0, iter([ok("one"), ok("two")]))) == [ok("one"), ok("two")]


def is_running(process: str) -> bool:
    status = Path("/proc", process, "stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_what_hangs_is_ended_with_all_that_it_started() -> None:
    def hanging() -> Iterator[Finding]:
        with subprocess.Popen(["sleep", "600"]) as child:
            yield ok(str(child.pid))
            time.sleep(600)

    first, last = within(2.0, hanging())
    assert last.level == Level.ERROR and "the 2 s are over" in last.text
    until(lambda: not is_running(first.text), "the end of its process")  # it was told to end


def test_a_library_that_takes_the_process_down_leaves_what_was_found() -> None:
    def falling() -> Iterator[Finding]:
        yield ok("before")
        os.kill(os.getpid(), signal.SIGKILL)  # as a crash, but without pytest's account of one

    before, after = within(600.0, falling())
    assert before == ok("before") and after.level == Level.ERROR and "exit code -9" in after.text
