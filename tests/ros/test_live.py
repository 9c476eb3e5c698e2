"""`make live` as a user runs it: camera, node and page, until Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")
pytest.importorskip("nicegui", reason="nicegui is not installed (the extra `web`)")

from refseg_ros.demo.processes import stay_on_this_machine
from refseg_ros.interrupts import end_with_parent

COMMAND = [sys.executable, "-m", "refseg_ros.demo.live", "--port", "0"]


def children_of(process: subprocess.Popen) -> list[Path]:
    """Folders in /proc of the processes that it started; a folder is gone when its process has ended."""
    numbers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [Path("/proc", number) for number in numbers]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_the_page_until_a_signal_and_leaves_nothing(sent) -> None:
    pytest.importorskip("mujoco", reason="the simulator is not installed")
    stay_on_this_machine()
    without_screen = {name: value for name, value in os.environ.items() if not name.endswith("DISPLAY")}
    live = subprocess.Popen(
        COMMAND,
        env=without_screen,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=end_with_parent,
    )
    try:
        told = "".join(live.stdout.readline() for _ in range(2))
        address = re.search(r"look at (http://127\.0\.0\.1:\d+/) \(Ctrl-C ends it\)", told)
        assert address, told
        with urllib.request.urlopen(address[1], timeout=60) as page:
            assert page.status == 200 and b"What the robot sees" in page.read()
        nodes = children_of(live)
        names = [re.search(r"refseg_ros\.(\w+)", (node / "cmdline").read_text())[1] for node in nodes]
        assert names == ["camera_node", "segment_node", "web_node"]
        live.send_signal(sent)
        assert live.communicate(timeout=60) == ("", "stopped\n")
    finally:
        live.kill()
        live.wait()
    assert live.returncode == 0
    assert not [node for node in nodes if node.exists()]


def test_a_part_that_cannot_run_ends_it_with_its_reason() -> None:
    stay_on_this_machine()
    done = subprocess.run(
        [*COMMAND, "--source", "/nowhere.mp4"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: camera_node ended with exit code 1") and "/nowhere.mp4" in done.stderr
