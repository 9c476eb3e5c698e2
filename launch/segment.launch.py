"""Starts the node `segment` on a camera topic, and rviz when asked.

    ros2 launch refseg_ros segment.launch.py image_topic:=/camera/color/image_raw query:='the red mug' rviz:=true

An argument that is left empty leaves the value of the parameter file alone.
"""

import dataclasses
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from refseg_ros.node_config import SegmentNodeConfig

CONFIG = Path(__file__).parent.parent / "config"
PARAMETERS = (
    *("image_topic", "image_transport", "depth_topic", "camera_info_topic", "target_frame"),
    *("query", "model", "device", "engine"),
)

SHOWN = ("overlay", "mask", "markers", "pose", "cloud")
"""Topics of the node that rviz shows."""


def generate_launch_description() -> LaunchDescription:
    """Return the arguments, the node and rviz."""
    texts = {field.name: field.metadata["description"] for field in dataclasses.fields(SegmentNodeConfig)}
    return LaunchDescription(
        [
            *(DeclareLaunchArgument(name, default_value="", description=texts[name]) for name in PARAMETERS),
            DeclareLaunchArgument(
                "autostart", default_value="", choices=["", "true", "false"], description=texts["autostart"]
            ),
            DeclareLaunchArgument(
                "namespace", default_value="refseg", description="namespace of the node and its topics"
            ),
            DeclareLaunchArgument(
                "params_file",
                default_value=str(CONFIG / "segment.yaml"),
                description="YAML file with parameters of the node; an argument here goes before the same one there",
            ),
            DeclareLaunchArgument(
                "use_sim_time",
                default_value="false",
                choices=["true", "false"],
                description="take the time from the topic /clock, as with a simulator or a played bag",
            ),
            DeclareLaunchArgument(
                "rviz",
                default_value="false",
                choices=["true", "false"],
                description="show overlay, mask, camera image and the things in space in rviz",
            ),
            OpaqueFunction(function=_segment),
            OpaqueFunction(function=_rviz, condition=IfCondition(LaunchConfiguration("rviz"))),
        ]
    )


def _segment(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    params_file = Path(LaunchConfiguration("params_file").perform(context)).expanduser()
    if not params_file.is_file():
        raise RuntimeError(f"params_file: there is no file '{params_file}'")
    given = {name: LaunchConfiguration(name).perform(context) for name in PARAMETERS}
    # As texts: a query such as "yes" or "42" would be taken for another type.
    texts = {name: ParameterValue(value, value_type=str) for name, value in given.items() if value}
    autostart = LaunchConfiguration("autostart").perform(context)
    flags = {"autostart": autostart == "true"} if autostart else {}
    return [
        Node(
            package="refseg_ros",
            executable="segment_node",
            name="segment",
            namespace=LaunchConfiguration("namespace"),
            parameters=[str(params_file), {"use_sim_time": _use_sim_time()}, texts, flags],
            output="screen",
        )
    ]


def _rviz(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    try:
        get_package_prefix("rviz2")
    except PackageNotFoundError as error:
        raise RuntimeError("rviz:=true needs rviz2: sudo apt install ros-$ROS_DISTRO-rviz2") from error
    namespace = LaunchConfiguration("namespace").perform(context).strip("/")
    image_topic = LaunchConfiguration("image_topic").perform(context) or SegmentNodeConfig.image_topic
    return [
        Node(
            package="rviz2",
            executable="rviz2",
            name="rviz",
            arguments=["-d", str(CONFIG / "refseg.rviz")],
            remappings=[
                *((f"/refseg/{name}", f"/{namespace}/{name}") for name in SHOWN),
                (SegmentNodeConfig.image_topic, image_topic),
            ],
            parameters=[{"use_sim_time": _use_sim_time()}],
        )
    ]


def _use_sim_time() -> ParameterValue:
    return ParameterValue(LaunchConfiguration("use_sim_time"), value_type=bool)
