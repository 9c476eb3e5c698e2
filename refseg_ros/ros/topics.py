"""Checks that the topics in a node's settings have valid names."""

from __future__ import annotations

from typing import Any

from rclpy.exceptions import NameValidationException
from rclpy.node import Node

from refseg_ros.ros.node_config import CAMERA_MARK, TOPICS
from refseg_ros.ros.parameters import ParameterError


def check_topics(node: Node, settings: Any) -> None:
    """Check the TOPICS of each of the `cameras` in a node's settings.

    Raises:
        ParameterError: a topic has a name that ROS refuses.
    """
    for camera in settings.cameras or ("",):
        for setting in TOPICS:
            topic = getattr(settings, setting).replace(CAMERA_MARK, camera)
            try:
                if topic:
                    node.resolve_topic_name(topic)
            except (NameValidationException, RuntimeError) as error:  # which one depends on the distribution
                raise ParameterError(f"{setting} is {topic!r}, which is no name of a topic") from error
