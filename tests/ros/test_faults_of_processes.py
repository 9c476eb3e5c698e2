"""Processes around the node that are killed: nothing of theirs is left behind to disturb the next."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

STARTER = """
import sys, time
from pathlib import Path
from refseg_ros.demo.processes import NodeProcess, stay_on_this_machine

stay_on_this_machine()
node = NodeProcess("segment_node", {"model": sys.argv[1]}, Path(sys.argv[2]))
print(node.process.pid, flush=True)
time.sleep(600)
"""


def is_running(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it has ended
        return False


def test_a_node_ends_with_who_started_it_even_if_that_is_killed(bundle_folder, tmp_path) -> None:
    log = tmp_path / "segment.log"
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(bundle_folder), str(log)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        end = time.monotonic() + 60
        while "waits for images" not in log.read_text():
            assert is_running(pid) and time.monotonic() < end, log.read_text()
            time.sleep(0.1)
        starter.send_signal(signal.SIGKILL)
        while is_running(pid):
            assert time.monotonic() < end + 60, "the node is still there"
            time.sleep(0.1)
    finally:
        starter.kill()
        starter.wait()
    assert "Traceback" not in log.read_text()
