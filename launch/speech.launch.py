"""Starts the node `speech`, which turns spoken words into queries of the node `segment`.

    ros2 launch refseg_ros speech.launch.py wake_word:=robot
    ros2 launch refseg_ros speech.launch.py source:=/path/to/question.wav wake_word:=' '

Every parameter of the node is an argument. The launch ends when the node does, with exit code 1 if the node failed.
"""

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from refseg_ros.ros.launching import arguments_of, end_launch, given, with_unknown_arguments_named
from refseg_ros.ros.namespaces import bare
from refseg_ros.speech.config import SpeechConfig


def generate_launch_description() -> LaunchDescription:
    """Return the arguments and the node."""
    description = LaunchDescription(
        [
            *arguments_of(SpeechConfig),
            DeclareLaunchArgument(
                "namespace", default_value="refseg", description="namespace of the topic `query`; / for none"
            ),
            OpaqueFunction(function=_speech),
        ]
    )
    return with_unknown_arguments_named(__file__, description)


def _speech(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    return [
        Node(
            package="refseg_ros",
            executable="speech_node",
            name="speech",
            namespace=bare(LaunchConfiguration("namespace").perform(context)) or "/",
            parameters=[given(SpeechConfig, context)],
            output="screen",
            on_exit=end_launch,
        )
    ]
