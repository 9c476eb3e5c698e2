"""The layouts of rviz and Foxglove against what the nodes really publish and hear, as seen from the network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSCompatibility,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
)

from tests.ros.depth_camera import SETTINGS

CONFIG = Path(__file__).parent.parent.parent / "config"
KINDS = {
    "rviz_default_plugins/Image": "sensor_msgs/msg/Image",
    "rviz_default_plugins/Pose": "geometry_msgs/msg/PoseStamped",
    "rviz_default_plugins/MarkerArray": "visualization_msgs/msg/MarkerArray",
    "rviz_default_plugins/PointCloud2": "sensor_msgs/msg/PointCloud2",
}
"""Display of rviz -> the messages that it shows."""


def displays() -> list[dict]:
    layout = yaml.safe_load((CONFIG / "refseg.rviz").read_text())
    return layout["Visualization Manager"]["Displays"]


def policy(words: str) -> str:
    """A policy of rviz as rclpy spells it."""
    return words.upper().replace(" ", "_")


def quality(topic: dict) -> QoSProfile:
    return QoSProfile(
        depth=topic["Depth"],
        history=HistoryPolicy[policy(topic["History Policy"])],
        reliability=ReliabilityPolicy[policy(topic["Reliability Policy"])],
        durability=DurabilityPolicy[policy(topic["Durability Policy"])],
    )


def foxglove_topics() -> dict[str, set[str]]:
    """Topic -> the kinds of message that its panel can take; empty where it takes any."""
    wanted: dict[str, set[str]] = {}
    for name, panel in json.loads((CONFIG / "foxglove_layout.json").read_text())["configById"].items():
        kind = name.split("!")[0]
        if kind == "Image":
            assert panel["cameraTopic"] == panel["imageMode"]["imageTopic"]
            wanted[panel["cameraTopic"]] = {"sensor_msgs/msg/Image"}
        elif kind == "3D":
            wanted |= {topic: set(KINDS.values()) - {"sensor_msgs/msg/Image"} for topic in panel["topics"]}
        elif kind == "Publish":
            wanted[panel["topicName"]] = {panel["datatype"]}
        elif kind == "DiagnosticSummary":
            wanted[panel["topicToRender"]] = {"diagnostic_msgs/msg/DiagnosticArray"}
        else:
            assert kind == "Plot", f"a panel that this test does not know: {name}"
            wanted |= {path["value"].split(".")[0]: {"refseg_ros/msg/Segmentation"} for path in panel["paths"]}
    return wanted


@pytest.fixture
def network(start, bundle_folder, bench):
    """Both nodes with every output that there is, as another node sees them."""
    start("camera_node", rate=1.0)
    start("segment_node", model=str(bundle_folder), **SETTINGS)
    bench.node.destroy_publisher(bench.images)
    topics = foxglove_topics().keys() | {display["Topic"]["Value"] for display in displays()}
    bench.until(lambda: all(ends(bench.node, topic) for topic in topics), f"all of {topics}", seconds=90.0)
    return bench.node


def ends(network, topic: str) -> list:
    """Who publishes a topic; of the query, which the layouts publish, the node that hears it."""
    if topic == "/refseg/query":
        return [end for end in network.get_subscriptions_info_by_topic(topic) if end.node_name == "segment"]
    return network.get_publishers_info_by_topic(topic)


def test_both_show_topics_that_are_there_in_a_way_that_they_hear(network) -> None:
    assert len(displays()) >= 6
    for display in displays():
        topic = display["Topic"]
        for publisher in ends(network, topic["Value"]):
            assert publisher.topic_type == KINDS[display["Class"]], display["Name"]
            compatibility, reason = qos_check_compatible(publisher.qos_profile, quality(topic))
            assert compatibility != QoSCompatibility.ERROR, f"{display['Name']}: {reason}"
    wanted = foxglove_topics()
    assert {"/refseg/overlay", "/refseg/mask", "/refseg/query", "/refseg/result", "/diagnostics"} <= wanted.keys()
    for topic, kinds in wanted.items():
        assert {end.topic_type for end in ends(network, topic)} <= kinds, topic


def test_foxglove_plots_fields_that_the_answer_has() -> None:
    from refseg_ros.msg import Segmentation

    panels = json.loads((CONFIG / "foxglove_layout.json").read_text())["configById"]
    paths = [path["value"] for name, panel in panels.items() if name.startswith("Plot!") for path in panel["paths"]]
    assert paths
    for path in paths:
        assert hasattr(Segmentation(), path.split(".")[1]), path
