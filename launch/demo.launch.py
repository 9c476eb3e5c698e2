"""Starts a camera that needs no driver and, on it, everything that segment.launch.py starts.

ros2 launch refseg_ros demo.launch.py rviz:=true
ros2 launch refseg_ros demo.launch.py web:=true
ros2 launch refseg_ros demo.launch.py source:=clip.mp4 query:='the red block'
ros2 launch refseg_ros demo.launch.py objects:=parts
ros2 topic pub --once /refseg/query std_msgs/msg/String "{data: 'the red mug'}"
"""

from pathlib import Path

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import IncludeLaunchDescription, LogInfo, OpaqueFunction, SetLaunchConfiguration
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from refseg_ros.demo.scene import SEED, SIMULATED, SPLIT, THINGS
from refseg_ros.ros.launching import (
    arguments_of,
    end_launch,
    given,
    pushed_namespace,
    simulated_time,
    with_unknown_arguments_named,
)
from refseg_ros.ros.node_config import CameraNodeConfig


def generate_launch_description() -> LaunchDescription:
    """Return the camera with its arguments, and the included launch file."""
    segment = PythonLaunchDescriptionSource(str(Path(__file__).parent / "segment.launch.py"))
    description = LaunchDescription(
        [
            *arguments_of(CameraNodeConfig, seed=SEED, split=SPLIT),
            OpaqueFunction(function=_wire),
            # Before the camera: whatever is wrong with the arguments is found while nothing runs yet.
            IncludeLaunchDescription(segment),
            OpaqueFunction(function=_camera),
        ]
    )
    return with_unknown_arguments_named(__file__, description)


def _wire(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Give the included launch file the camera's topics, and the model unless an argument may choose another."""
    values = {"image_topic": "/camera/image_raw"} | (SIMULATED if _is_simulated(context) else {})
    chosen = [context.launch_configurations.get(name, "") for name in ("model", "params_file", "objects")]
    if any(text.strip() for text in chosen):
        values.pop("model", None)
    pushed = pushed_namespace(context)  # in which the camera is, too
    values = {name: pushed + value if name.endswith("_topic") else value for name, value in values.items()}
    return [SetLaunchConfiguration(name, value) for name, value in values.items()]


def _camera(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    camera = Node(
        package="refseg_ros",
        executable="camera_node",
        name="camera",
        namespace="camera",
        parameters=[simulated_time(context), given(CameraNodeConfig, context)],
        output="screen",
        on_exit=end_launch,
    )
    return [LogInfo(msg=f"on the table: {', '.join(THINGS)}"), camera] if _is_known_table(context) else [camera]


def _is_simulated(context: LaunchContext) -> bool:
    return LaunchConfiguration("source").perform(context) in ("", CameraNodeConfig.source)


def _is_known_table(context: LaunchContext) -> bool:
    seed, split, objects = (LaunchConfiguration(name).perform(context) for name in ("seed", "split", "objects"))
    return _is_simulated(context) and (seed, split, objects.strip()) == (str(SEED), SPLIT, "")
