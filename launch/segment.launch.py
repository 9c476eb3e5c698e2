"""Starts the node `segment` on a camera topic, and rviz or the live page when asked.

    ros2 launch refseg_ros segment.launch.py image_topic:=/camera/color/image_raw query:='the red mug' rviz:=true

Every parameter of the node is an argument; one that is left empty leaves the value of the parameter file alone. The
launch ends when the node does, with exit code 1 if the node failed.
"""

import dataclasses
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from refseg_ros.files import expanded
from refseg_ros.ros.launching import (
    arguments_of,
    end_launch,
    given,
    pushed_namespace,
    simulated_time,
    with_unknown_arguments_named,
)
from refseg_ros.ros.namespaces import bare
from refseg_ros.ros.node_config import CAMERA_MARK, SegmentNodeConfig
from refseg_ros.ros.params_files import parameters_of
from refseg_ros.web.config import WebConfig

CONFIG = Path(__file__).parent.parent / "config"
WEB = {field.name for field in dataclasses.fields(WebConfig)}
"""Parameters of the node `web`; those that `segment` shares must be the same."""
SHARED = {*WEB, "use_sim_time"}
"""What the node `web` takes from the file's entry for `segment`."""
NOT_WEB = {field.name for field in dataclasses.fields(SegmentNodeConfig)} - WEB
"""Parameters that only `segment` has."""
SHOWN = ("overlay", "mask", "markers", "pose", "cloud")
"""Topics of the node that rviz shows."""


def generate_launch_description() -> LaunchDescription:
    """Return the arguments and the nodes."""
    description = LaunchDescription(
        [
            *(both := arguments_of(SegmentNodeConfig)),
            *(one for one in arguments_of(WebConfig) if one.name not in {other.name for other in both}),
            DeclareLaunchArgument(
                "namespace", default_value="refseg", description="namespace of the node and its topics; / for none"
            ),
            DeclareLaunchArgument(
                "params_file",
                default_value=str(CONFIG / "segment.yaml"),
                description="YAML file with parameters of the node; an argument here goes before the same one there",
            ),
            DeclareLaunchArgument(
                "use_sim_time",
                default_value="",
                choices=["", "true", "false"],
                description="take the time from the topic /clock, as with a simulator or a played bag; empty: as "
                "params_file says, or no",
            ),
            DeclareLaunchArgument(
                "rviz",
                default_value="false",
                choices=["true", "false"],
                description="show overlay, mask, camera image and the things in space in rviz",
            ),
            DeclareLaunchArgument(
                "web",
                default_value="false",
                choices=["true", "false"],
                description="serve a page on this machine on which to type or say what to look at, and to watch",
            ),
            OpaqueFunction(function=_start),
        ]
    )
    return with_unknown_arguments_named(__file__, description)


def _start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """All nodes, after all checks, because launch starts what comes before an error, and leaves it running."""
    rviz = [_rviz(context)] if LaunchConfiguration("rviz").perform(context) == "true" else []
    web = [_web(context)] if LaunchConfiguration("web").perform(context) == "true" else []
    return [_segment(context), *rviz, *web]


def _segment(context: LaunchContext) -> Node:
    return Node(
        package="refseg_ros",
        executable="segment_node",
        name="segment",
        namespace=_namespace(context) or "/",
        parameters=[str(_params_file(context)), simulated_time(context), given(SegmentNodeConfig, context)],
        output="screen",
        on_exit=end_launch,
    )


def _web(context: LaunchContext) -> Node:
    if find_spec("nicegui") is None:
        raise RuntimeError("web:=true needs the package nicegui: pip install nicegui")
    shared = {name: value for name, value in _of_the_file(context, "segment").items() if name in SHARED}
    own = {name: value for name, value in _of_the_file(context, "web").items() if name not in NOT_WEB}
    return Node(
        package="refseg_ros",
        executable="web_node",
        name="web",
        namespace=_namespace(context) or "/",
        parameters=[
            {name: value for name, value in (shared | own).items() if value not in (None, [])},
            simulated_time(context),
            given(WebConfig, context),
        ],
        output="screen",
        on_exit=end_launch,
    )


def _rviz(context: LaunchContext) -> Node:
    try:
        get_package_prefix("rviz2")
    except PackageNotFoundError as error:
        raise RuntimeError("rviz:=true needs rviz2: sudo apt install ros-$ROS_DISTRO-rviz2") from error
    told = _of_the_file(context, "segment")
    image_topic = LaunchConfiguration("image_topic").perform(context) or told.get("image_topic", "")
    image_topic = str(image_topic or SegmentNodeConfig.image_topic)
    cameras = given(SegmentNodeConfig, context).get("cameras") or told.get("cameras") or [""]
    first = str(cameras[0])  # rviz shows one camera; the others are a remapping away
    namespace = _whole_namespace(context)
    prefix = namespace + (f"/{first}" if first else "")
    if not image_topic.startswith("/"):  # the node's own rule, and rviz is in no namespace
        image_topic = f"{namespace}/{image_topic.replace('~', 'segment', 1)}"
    return Node(
        package="rviz2",
        executable="rviz2",
        name="rviz",
        arguments=["-d", str(CONFIG / "refseg.rviz")],
        remappings=[
            *((f"/refseg/{name}", f"{prefix}/{name}") for name in SHOWN),
            (SegmentNodeConfig.image_topic, image_topic.replace(CAMERA_MARK, first)),
        ],
        parameters=[{"use_sim_time": told.get("use_sim_time", False)} | simulated_time(context)],
    )


def _of_the_file(context: LaunchContext, node: str) -> dict[str, Any]:
    """The file's parameters for a node of the launch."""
    file = _params_file(context)
    try:
        return parameters_of(file, f"{_whole_namespace(context)}/{node}")
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise RuntimeError(f"params_file: {file}: {' '.join(str(error).split())}") from error


def _params_file(context: LaunchContext) -> Path:
    path = expanded(LaunchConfiguration("params_file").perform(context))
    if not path.is_file():
        raise RuntimeError(f"params_file: there is no file '{path}'")
    return path


def _namespace(context: LaunchContext) -> str:
    return bare(LaunchConfiguration("namespace").perform(context))


def _whole_namespace(context: LaunchContext) -> str:
    """The full namespace of the nodes, including one that a launch file pushed before it included this one."""
    own = _namespace(context)
    return f"{pushed_namespace(context)}/{own}" if own else ""
