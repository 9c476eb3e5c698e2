"""What the tests with real nodes share: a domain of their own, the node in a process, and someone to talk to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from refseg_ros.demo.processes import NodeProcess, Setting, stay_on_this_machine

Starter = Callable[..., NodeProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    """Start nodes with parameters: `start("segment_node", model=...)`. They end with the test.

    Images of the bench carry any stamps, so their age has no limit unless a test sets one.
    """
    stay_on_this_machine()
    started: list[NodeProcess] = []

    def one(name: str, remappings: Mapping[str, str] | None = None, **parameters: Setting) -> NodeProcess:
        if name == "segment_node":
            parameters = {"max_frame_age": 0.0} | parameters
        process = NodeProcess(name, parameters, tmp_path / f"{name}_{len(started)}.log", remappings)
        started.append(process)
        return process

    yield one
    for process in started:
        process.stop()


@pytest.fixture
def bench() -> Iterator:
    """Someone with a camera who asks and listens."""
    pytest.importorskip("rclpy", reason="ROS 2 is not installed")
    from tests.ros.bench import Bench

    stay_on_this_machine()
    with Bench() as one:
        yield one


@pytest.fixture
def launch() -> Iterator:
    """Starts a launch file; see `launching`."""
    from tests.ros.launching import launching

    with launching() as start:
        yield start
