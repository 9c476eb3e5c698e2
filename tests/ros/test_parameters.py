"""What `ros2 param dump` writes of a node starts the same node again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

import rclpy
import yaml
from rclpy.node import Node
from rclpy.parameter import Parameter

from refseg_ros.demo.processes import stay_on_this_machine
from refseg_ros.ros.node_config import SegmentNodeConfig
from refseg_ros.ros.parameters import Parameters
from refseg_ros.web.config import WebConfig


@pytest.mark.parametrize("kind", [SegmentNodeConfig, WebConfig])
@pytest.mark.parametrize("given", [{}, {"cameras": []}, {"cameras": ["front"], "image_topic": "/{camera}/image"}])
def test_it_starts_again_as_it_was(tmp_path: Path, kind: type, given: dict[str, Any]) -> None:
    """A list that is empty stays one of texts; ROS makes bytes of it or, from a file, nothing."""
    first = parameters(kind, given, tmp_path)
    dumped = {name: parameter.value for name, parameter in first.items()}
    assert None not in dumped.values()
    assert dumped["cameras"] == given.get("cameras", []) and first["cameras"].type_ == Parameter.Type.STRING_ARRAY
    again = parameters(kind, dumped, tmp_path)
    assert {name: parameter.value for name, parameter in again.items()} == dumped


def parameters(kind: type, given: dict[str, Any], folder: Path) -> dict[str, Parameter]:
    """Those of a node with such settings that is started with a file of these."""
    file = folder / "given.yaml"
    file.write_text(yaml.safe_dump({"/**": {"ros__parameters": given}} if given else {"/**": {}}))
    stay_on_this_machine()
    context = rclpy.Context()
    rclpy.init(args=["--ros-args", "--params-file", str(file)], context=context)
    try:
        node = Node("settings", context=context)
        Parameters(node, kind, lambda config, names: None)
        return node.get_parameters_by_prefix("")
    finally:
        context.try_shutdown()
