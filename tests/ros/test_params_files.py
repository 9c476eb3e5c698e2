"""What a params file has for a node, against what ROS itself hands to the node."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

import rclpy
from rclpy.node import Node

from refseg_ros.demo.processes import stay_on_this_machine
from refseg_ros.ros.params_files import parameters_of


@pytest.mark.parametrize(
    "nodes",
    [
        "/**/segment: {1}",
        "/refseg/segment: {1}",
        "/**: {1}",
        "refseg:\n  segment: {1}",
        "/refseg:\n  segment: {1}\n  web: {2}",
        "refseg:\n  '*': {1}",
        "/**: {1}\n/refseg/segment: {2}",
        "/refseg/segment: {1}\n/**: {2}\nrefseg:\n  segment: {3}",
        "segment: {1}",
        "/refseg/web: {1}\n/other/segment: {2}",
        "/*: {1}\n/*/*/segment: {2}",
    ],
)
def test_they_are_those_that_ros_reads(tmp_path, nodes) -> None:
    for number in "123":
        settings = f"image_topic: /{number}/image, own_{number}: {number}, cameras: [front, '{number}']"
        nodes = nodes.replace(f"{{{number}}}", f"{{ros__parameters: {{{settings}}}}}")
    file = tmp_path / "params.yaml"
    file.write_text(nodes + "\n")
    stay_on_this_machine()
    context = rclpy.Context()
    rclpy.init(context=context)
    arguments = ["--ros-args", "--params-file", str(file)]
    node = Node("segment", context=context, namespace="/refseg", cli_args=arguments, use_global_arguments=False)
    given = {name: parameter.value for name, parameter in node._parameter_overrides.items()}
    node.destroy_node()
    rclpy.shutdown(context=context)
    assert parameters_of(file, "/refseg/segment") == given


@pytest.mark.parametrize("content", ["", "hello\n", "/refseg/segment:\n", "/refseg/segment: {ros__parameters: }\n"])
def test_a_file_without_parameters_has_none(tmp_path, content) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(content)
    assert parameters_of(file, "/refseg/segment") == {}
