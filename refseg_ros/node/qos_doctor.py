"""Why no image comes, in words that say what to do: asks the network who publishes what, and how."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from rclpy.node import Node
from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible
from rclpy.topic_endpoint_info import TopicEndpointInfo

MOST_PUBLISHERS = 3
"""Publishers that are told of."""


def why_no_image(node: Node, topic: str, kind: str, qos: QoSProfile, own: Collection[str]) -> str:
    """Say in one line why nothing comes on a topic.

    Args:
        node: who asks.
        topic: that is subscribed, in full.
        kind: type that is subscribed, such as "sensor_msgs/msg/Image".
        qos: of the subscription.
        own: topics that the node publishes itself, which nobody means.
    """
    publishers = node.get_publishers_info_by_topic(topic)
    if not publishers:
        return f"nobody publishes {topic}{_did_you_mean(node, topic, kind, own)}"
    reasons = [_why(publisher, kind, qos) for publisher in publishers[:MOST_PUBLISHERS]]
    if len(publishers) > MOST_PUBLISHERS:
        reasons.append(f"{len(publishers) - MOST_PUBLISHERS} more publishers")
    if any(publisher.topic_type == kind for publisher in publishers):
        return "; ".join(reasons)
    return "; ".join(reasons) + _did_you_mean(node, topic, kind, own)


def _why(publisher: TopicEndpointInfo, kind: str, qos: QoSProfile) -> str:
    name = f"{publisher.node_namespace.rstrip('/')}/{publisher.node_name}"
    if publisher.topic_type != kind:
        return f"{name} publishes {publisher.topic_type} there, not {kind}{_transport(publisher.topic_type)}"
    offer = publisher.qos_profile
    offered = f"{offer.reliability.name} {offer.durability.name}"
    compatibility, reason = qos_check_compatible(offer, qos)
    if compatibility == QoSCompatibility.ERROR:
        return f"{name} offers {offered}, which does not fit ({reason.strip()}); set its QoS or our qos_overrides"
    return (
        f"{name} offers {offered}, which fits, but sends nothing that arrives: is it running, and has its middleware "
        "shared memory for whole images?"
    )


def _transport(kind: str) -> str:
    return {
        "sensor_msgs/msg/CompressedImage": " (set image_transport to compressed)",
        "sensor_msgs/msg/Image": " (set image_transport to raw)",
    }.get(kind, "")


def _did_you_mean(node: Node, topic: str, kind: str, own: Collection[str]) -> str:
    """The topic of the right type whose name is the most alike, if there is one that somebody publishes."""
    offered = [
        name
        for name, kinds in node.get_topic_names_and_types()
        if kind in kinds and name not in own and name != topic and node.count_publishers(name)
    ]
    nearest = difflib.get_close_matches(topic, sorted(offered), n=1, cutoff=0.0)
    return f"; did you mean {nearest[0]}? Set image_topic" if nearest else f", and there is no other topic of {kind}"
