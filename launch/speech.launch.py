"""Starts the node `speech`, which turns spoken words into queries of the node `segment`.

ros2 launch refseg_ros speech.launch.py wake_word:=robot
ros2 launch refseg_ros speech.launch.py source:=/path/to/question.wav wake_word:=''
"""

import dataclasses

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from refseg_ros.speech.config import SpeechConfig

FIELDS = dataclasses.fields(SpeechConfig)


def generate_launch_description() -> LaunchDescription:
    """Return an argument for each parameter, and the node."""
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(
                    field.name, default_value=str(field.default), description=field.metadata["description"]
                )
                for field in FIELDS
            ),
            DeclareLaunchArgument("namespace", default_value="refseg", description="namespace of the topic `query`"),
            Node(
                package="refseg_ros",
                executable="speech_node",
                name="speech",
                namespace=LaunchConfiguration("namespace"),
                parameters=[
                    {
                        field.name: ParameterValue(LaunchConfiguration(field.name), value_type=type(field.default))
                        for field in FIELDS
                    }
                ],
                output="screen",
            ),
        ]
    )
