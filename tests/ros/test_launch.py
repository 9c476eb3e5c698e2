"""The launch files, started by the real launch of ROS 2 where it is installed."""

import dataclasses
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Timer

import pytest

from refseg_ros.speech.config import SpeechConfig

pytest.importorskip("launch_ros", reason="launch_ros is not installed: it comes with ROS 2 from apt, not as a wheel")

ROOT = Path(__file__).parent.parent.parent
TOPICS = {"image_topic", "image_transport", "depth_topic", "camera_info_topic"}
TEXTS = TOPICS | {"target_frame", "query", "model", "device", "engine", "namespace", "params_file"}
SHARED = TEXTS | {"autostart", "use_sim_time", "rviz"}
SPOKEN = {field.name for field in dataclasses.fields(SpeechConfig)} | {"namespace"}
ARGUMENTS = {"segment.launch.py": SHARED, "demo.launch.py": SHARED | {"source"}, "speech.launch.py": SPOKEN}
PATIENCE = 90.0
"""Seconds after which a launch that hangs is killed, and its test fails."""
RUN = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import AnyLaunchDescriptionSource

service = LaunchService()
arguments = dict(text.split(":=", 1) for text in sys.argv[2:]).items()
include = IncludeLaunchDescription(AnyLaunchDescriptionSource(sys.argv[1]), launch_arguments=arguments)
service.include_launch_description(LaunchDescription([include]))
sys.exit(service.run())
"""


@pytest.fixture
def launch() -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts a launch file with arguments as `ros2 launch` takes them; whatever is left of it is killed in the end."""
    started = []

    def start(file: str, *arguments: str) -> subprocess.Popen:
        environment = os.environ | {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_DOMAIN_ID": "93"}
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(ROOT / "launch" / file), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            start_new_session=True,
        )
        watch = Timer(PATIENCE, os.killpg, (process.pid, signal.SIGKILL))
        watch.start()
        started.append((process, watch))
        return process

    yield start
    for process, watch in started:
        watch.cancel()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def output_until(process: subprocess.Popen, *patterns: str) -> str:
    """What the process prints until each pattern has been there, or to its end."""
    text = ""
    for line in process.stdout:
        text += line
        if all(re.search(pattern, text) for pattern in patterns):
            break
    return text


def stopped(process: subprocess.Popen) -> str:
    """The rest of what the process prints, after Ctrl-C."""
    process.send_signal(signal.SIGINT)
    return process.communicate()[0]


@pytest.mark.parametrize("file", ARGUMENTS)
def test_every_argument_is_described(file):
    from launch.launch_description_sources import get_launch_description_from_python_launch_file

    description = get_launch_description_from_python_launch_file(str(ROOT / "launch" / file))
    arguments = {argument.name: argument for argument in description.get_launch_arguments()}
    assert set(arguments) == ARGUMENTS[file]
    assert all(len(argument.description) > 10 for argument in arguments.values())


def test_segment_starts_with_its_arguments_and_ends_cleanly(launch, bundle_folder):
    # "yes" would reach the node as true if it were not marked as a text.
    arguments = ("image_topic:=/front/image", "query:=yes", "namespace:=left", f"model:={bundle_folder}")
    process = launch("segment.launch.py", *arguments)
    begun = output_until(process, "images on /front/image", "query 1: 'yes'")
    ended = stopped(process)
    assert "query 1: 'yes'" in begun, begun + ended
    assert "images on /front/image" in begun
    assert "[left.segment]" in begun
    assert "process has finished cleanly" in ended
    assert process.returncode == 0


def test_demo_starts_camera_and_node(launch, bundle_folder):
    process = launch("demo.launch.py", f"model:={bundle_folder}")
    camera, node = "publishes /camera/image_raw", "images on /camera/image_raw"
    begun = output_until(process, camera, node)
    ended = stopped(process)
    assert camera in begun and node in begun, begun + ended
    assert ended.count("process has finished cleanly") == 2, ended


def test_speech_starts_with_its_arguments(launch):
    process = launch("speech.launch.py", "source:=/nowhere/said.wav", "namespace:=left")
    told = process.communicate()[0]
    assert "/nowhere/said.wav: there is no such file" in told
    assert "__ns:=/left" in told
    assert "Traceback" not in told


def test_missing_parameter_file_is_named(launch):
    process = launch("segment.launch.py", "params_file:=/nowhere/robot.yaml")
    told = process.communicate()[0]
    assert process.returncode != 0
    assert "params_file: there is no file '/nowhere/robot.yaml'" in told
