"""Launch files started as `ros2 launch` starts them, by the library behind it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer

from refseg_ros.demo.processes import stay_on_this_machine
from refseg_ros.interrupts import end_with_parent
from tests.ros.signals import interruptible

ROOT = Path(__file__).parent.parent.parent
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


@contextmanager
def launching() -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts a launch file with arguments as `ros2 launch` takes them; whatever is left of it is killed in the end."""
    started = []

    def start(file: str, *arguments: str, prefix: Path | None = None) -> subprocess.Popen:
        stay_on_this_machine()
        environment = dict(os.environ)
        if prefix is not None:
            environment["AMENT_PREFIX_PATH"] = f"{prefix}:{environment['AMENT_PREFIX_PATH']}"
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(ROOT / "launch" / file), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            start_new_session=True,
            preexec_fn=_prepare,
        )
        watch = Timer(PATIENCE, os.killpg, (process.pid, signal.SIGKILL))
        watch.start()
        started.append((process, watch))
        return process

    try:
        yield start
    finally:
        for process, watch in started:
            watch.cancel()
            with suppress(ProcessLookupError):  # a launch that has ended may have left its nodes
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _prepare() -> None:
    interruptible()
    end_with_parent()


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
