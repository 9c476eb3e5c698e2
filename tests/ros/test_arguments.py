"""What is on a node's command line beside ROS's own arguments."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from refseg_ros.demo.processes import stay_on_this_machine


@pytest.mark.parametrize("node", ["segment_node", "camera_node", "speech_node"])
@pytest.mark.parametrize(
    ("given", "refused"), [(["--help"], "--help"), (["-p", "rate:=5.0"], "-p"), (["--ros-args", "--", "left"], "left")]
)
def test_what_is_no_argument_is_refused_in_a_line(node: str, given: list[str], refused: str) -> None:
    if node == "speech_node":
        pytest.importorskip("pocketsphinx", reason="the recogniser is not installed")
    stay_on_this_machine()
    command = [sys.executable, "-m", f"refseg_ros.{node}", *given]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    (line,) = (done.stdout + done.stderr).strip().splitlines()
    assert f"'{refused}' is no argument; parameters are given as --ros-args -p NAME:=VALUE" in line
