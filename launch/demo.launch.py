"""Starts a camera that needs no driver and, on it, everything that segment.launch.py starts.

    ros2 launch refseg_ros demo.launch.py rviz:=true
    ros2 launch refseg_ros demo.launch.py source:=clip.mp4 query:='the red block'
    ros2 topic pub --once /refseg/query std_msgs/msg/String "{data: 'the red mug'}"
"""

import dataclasses
from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from refseg_ros.node_config import CameraNodeConfig


def generate_launch_description() -> LaunchDescription:
    """Return the camera with its argument, and the included launch file."""
    (source,) = (field for field in dataclasses.fields(CameraNodeConfig) if field.name == "source")
    segment = PythonLaunchDescriptionSource(str(Path(__file__).parent / "segment.launch.py"))
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "source",
                default_value=source.default,
                description=f"what the camera shows: {source.metadata['description']}",
            ),
            Node(
                package="refseg_ros",
                executable="camera_node",
                name="camera",
                namespace="camera",
                parameters=[{"source": ParameterValue(LaunchConfiguration("source"), value_type=str)}],
                output="screen",
            ),
            IncludeLaunchDescription(segment, launch_arguments={"image_topic": "/camera/image_raw"}.items()),
        ]
    )
