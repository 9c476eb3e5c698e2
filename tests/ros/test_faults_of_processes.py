"""Processes that are killed leave nothing behind to disturb the next; no call ends one that should go on."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from rcl_interfaces.msg import Parameter, ParameterValue
from rclpy.parameter_client import AsyncParameterClient

from refseg_ros.demo.processes import stay_on_this_machine
from tests.ros.bench import picture
from tests.speech.voice import write_wav

STARTER = """
import sys, time
from pathlib import Path
from refseg_ros.demo.processes import NodeProcess, stay_on_this_machine

stay_on_this_machine()
node = NodeProcess("segment_node", {"model": sys.argv[1]}, Path(sys.argv[2]))
print(node.process.pid, flush=True)
time.sleep(600)
"""

FAULTY = """
import sys
from refseg_ros.ros.node_config import CameraNodeConfig
from refseg_ros.ros.running import run_node

class Faulty:
    def run(self):
        raise ZeroDivisionError("a fault of ours")

    def close(self):
        return False

    def destroy_node(self):
        pass

    def get_fully_qualified_name(self):
        return "/faulty"

sys.exit(run_node("faulty", Faulty, CameraNodeConfig, []))
"""


INTERRUPTED = """
import os, signal, sys
from refseg_ros.ros.node_config import CameraNodeConfig
from refseg_ros.ros.running import run_node

def make():
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt as error:
        raise ImportError("initialization failed") from error  # as compiled modules do

sys.exit(run_node("interrupted", make, CameraNodeConfig, []))
"""


def test_a_signal_that_a_compiled_module_makes_an_error_of_ends_the_node_in_silence() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def is_running(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it has ended
        return False


def skip_without_needed(executable: str) -> None:
    needed = {"speech_node": "pocketsphinx", "web_node": "nicegui", "demo.robot": "mujoco"}
    if executable in needed:
        pytest.importorskip(needed[executable], reason=f"{needed[executable]} is not installed")


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


@pytest.mark.parametrize(
    ("executable", "node"),
    [
        *(("segment_node", "/refseg/segment"), ("camera_node", "/camera/camera")),
        *(("speech_node", "/refseg/speech"), ("web_node", "/refseg/web"), ("demo.robot", "/robot/robot")),
    ],
)
def test_a_parameter_of_a_type_that_there_is_not_ends_no_node(start, bundle_folder, bench, tmp_path, executable, node):
    """The caller gets no response: rclpy stumbles over it before the node is asked."""
    skip_without_needed(executable)
    cv2.imwrite(str(tmp_path / "picture.png"), picture())
    settings = {
        "segment_node": {"model": str(bundle_folder), "threads": 1},
        "camera_node": {"source": str(tmp_path)},
        "speech_node": {"source": str(write_wav(tmp_path / "silence.wav", np.zeros(16_000 * 600, np.int16)))},
        "web_node": {"port": 0, "model": str(bundle_folder), "lessons": str(tmp_path)},
        "demo.robot": {"width": 64, "height": 48},
    }[executable]
    process = start(executable, **settings)
    client = AsyncParameterClient(bench.node, node)
    bench.until(client.services_are_ready, "the node", seconds=120.0)
    bench.until(client.get_parameters(["use_sim_time"]).done, "a node that serves", seconds=120.0)
    client.set_parameters([Parameter(name="use_sim_time", value=ParameterValue(type=77))])
    called = client.get_parameters(["use_sim_time"])
    bench.until(called.done, "the response to the next call", seconds=120.0)
    assert called.result().values[0].bool_value is False
    process.check()
    # The calls are of two services, and the second may be served first.
    bench.until(lambda: "call refused" in process.log.read_text(), "the refusal", seconds=120.0)
    process.check()
    (line,) = [line for line in process.log.read_text().splitlines() if "call refused" in line]
    assert "77" in line


@pytest.mark.parametrize("executable", ["segment_node", "camera_node", "speech_node", "web_node"])
def test_signals_after_the_first_change_nothing(start, bundle_folder, tmp_path, executable) -> None:
    """An impatient user, or a launch that follows SIGINT by SIGTERM."""
    cv2.imwrite(str(tmp_path / "picture.png"), picture())
    silence = write_wav(tmp_path / "silence.wav", np.zeros(16_000, np.int16))
    settings, line = {
        "segment_node": ({"model": str(bundle_folder)}, "waits for images"),
        "camera_node": ({"source": str(tmp_path)}, "publishes"),
        "speech_node": ({"source": str(silence), "model": str(bundle_folder)}, "listens to"),
        "web_node": ({"port": 0, "model": str(bundle_folder), "lessons": str(tmp_path)}, "the page is at"),
    }[executable]
    skip_without_needed(executable)
    node = start(executable, **settings)
    end = time.monotonic() + 120
    while line not in node.log.read_text():
        node.check()
        assert time.monotonic() < end, node.tail(50)
        time.sleep(0.05)
    node.process.send_signal(signal.SIGINT)
    later = itertools.cycle((signal.SIGTERM, signal.SIGINT))
    while node.process.poll() is None:
        assert time.monotonic() < end, node.tail(50)
        time.sleep(0.01)
        node.process.send_signal(next(later))
    assert node.process.returncode == 0, node.tail(50)
    assert "Traceback" not in node.log.read_text()


def test_a_fault_of_ours_is_shown_though_a_thread_is_still_computing() -> None:
    """The process then ends around the thread, without Python's own end, which would print the traceback."""
    stay_on_this_machine()
    done = subprocess.run([sys.executable, "-c", FAULTY], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "ZeroDivisionError: a fault of ours" in done.stderr and "abandoned" in done.stderr
