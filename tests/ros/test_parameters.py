"""What nodes refuse to start with; and what `ros2 param dump` writes of a node starts the same node again."""

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
from refseg_ros.ros.node_config import CameraNodeConfig, SegmentNodeConfig
from refseg_ros.ros.parameters import ParameterError, Parameters
from refseg_ros.ros.topics import check_topics
from refseg_ros.web.config import WebConfig

DEPTH = "qos_overrides./camera/image_raw.subscription.depth"


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


@pytest.mark.parametrize(
    ("kind", "given", "words"),
    [
        (SegmentNodeConfig, {"threads": -1}, "threads"),
        (SegmentNodeConfig, {"device": "gpu"}, "device is 'gpu'; it must be one of auto, cuda, cpu"),
        (SegmentNodeConfig, {"image_topic": ""}, "image_topic is empty"),
        (
            SegmentNodeConfig,
            {"image_topic": "not a topic"},
            "image_topic is 'not a topic', which is no name of a topic",
        ),
        (SegmentNodeConfig, {"cameras": ["front", "Wrist"]}, "names 'Wrist'"),
        (SegmentNodeConfig, {"cameras": ["front", "wrist"]}, "must contain {camera}"),
        (SegmentNodeConfig, {"cameras": "front"}, "cameras is 'front'; it must be a list"),
        (
            SegmentNodeConfig,
            {"image_topic": "{camera}"},
            "image_topic is '{camera}'; {camera} stands for each of cameras, which is empty",
        ),
        (SegmentNodeConfig, {DEPTH: -1}, f"'{DEPTH}' is -1; it must be a whole number from 0"),
        (SegmentNodeConfig, {DEPTH: "a"}, f"'{DEPTH}' is 'a'; it must be a whole number"),
        (SegmentNodeConfig, {DEPTH: 10**12}, f"'{DEPTH}' is 1000000000000; it must be a whole number"),
        (CameraNodeConfig, {"source": ""}, "source is empty"),
        (CameraNodeConfig, {"split": "everything"}, "split is 'everything'; it must be one of train, held_out"),
        (CameraNodeConfig, {"seed": -1}, "seed"),
        (WebConfig, {"image_topic": ""}, "image_topic is empty"),
        (WebConfig, {"image_topic": "{camera}"}, "{camera} stands for each of cameras, which is empty"),
        (WebConfig, {"depth_topic": "/depth"}, "only one of depth_topic and camera_info_topic is set"),
        (WebConfig, {"depth_topic": "/a/", "camera_info_topic": "/b"}, "depth_topic is '/a/', which is no name of"),
        (WebConfig, {"cameras": ["front", "wrist"]}, "with several cameras it must contain {camera}"),
    ],
)
def test_what_a_node_cannot_start_with_is_told_in_a_line(tmp_path: Path, kind: type, given: dict, words: str) -> None:
    with pytest.raises(ParameterError) as refused:
        parameters(kind, given, tmp_path)
    assert words in str(refused.value) and "\n" not in str(refused.value)


def parameters(kind: type, given: dict[str, Any], folder: Path) -> dict[str, Parameter]:
    """Those of a node with such settings that is started with a file of these."""
    file = folder / "given.yaml"
    file.write_text(yaml.safe_dump({"/**": {"ros__parameters": given}} if given else {"/**": {}}))
    stay_on_this_machine()
    context = rclpy.Context()
    rclpy.init(args=["--ros-args", "--params-file", str(file)], context=context)
    try:
        node = Node("settings", context=context)
        made = Parameters(node, kind, lambda config, names: None)
        if kind is not CameraNodeConfig:  # which has none
            check_topics(node, made.config)
        return node.get_parameters_by_prefix("")
    finally:
        context.try_shutdown()
