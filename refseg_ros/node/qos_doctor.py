"""Says why no image comes, and what to do: asks the ROS graph who publishes what, and with which QoS."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from rclpy.node import Node
from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible
from rclpy.topic_endpoint_info import TopicEndpointInfo

from refseg_ros.node.image_transport import COLOUR, DEPTH

MOST_PUBLISHERS = 3
"""Publishers that are named."""
BY_TYPE = {transport.type_name: name for name, transport in COLOUR.items()}
"""Message type -> the value of the parameter `image_transport` that subscribes to it."""
UNREAD = "/zstd"
"""Suffix of the one transport that has these message types, but is not read."""


def why_no_image(node: Node, asked: str, kind: str, qos: QoSProfile, own: Collection[str]) -> str:
    """Say in one line why nothing comes on a topic.

    Args:
        node: the subscriber.
        asked: the subscribed topic, before the node remaps it.
        kind: the subscribed type, such as "sensor_msgs/msg/Image".
        qos: of the subscription, with its overrides.
        own: topics that the node publishes itself; they are never suggested.
    """
    topic = node.resolve_topic_name(asked)
    publishers = node.get_publishers_info_by_topic(asked)  # which remaps, and count_publishers does not
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
    return f" (set image_transport to {BY_TYPE[kind]})" if kind in BY_TYPE else ""


def _did_you_mean(node: Node, topic: str, kind: str, own: Collection[str]) -> str:
    """Say which topic was probably meant: the end of a sentence.

    The same images by another transport come first, then topics of the right type, then others; among equals, the one
    with the most similar name.
    """
    offered = [
        (name, other)
        for name, kinds in node.get_topic_names_and_types()
        for other in BY_TYPE.keys() & set(kinds)
        if name not in (topic, *own)
        and not name.endswith((DEPTH["compressed"].suffix, UNREAD))
        and node.count_publishers(name)
    ]
    if node.count_publishers(topic + UNREAD):
        return (
            f", only {topic}{UNREAD}, which is not read: ros2 run image_transport republish --ros-args "
            f"-p in_transport:=zstd -p out_transport:=raw -r in/zstd:={topic}{UNREAD} -r out:={topic}"
        )
    if not offered:
        return f", and there is no other topic of {kind}"
    same = [one for one in offered if _without_transport(one[0]) == _without_transport(topic)]
    of_kind = [one for one in offered if one[1] == kind]
    names = dict(same or of_kind or offered)
    (nearest,) = difflib.get_close_matches(topic, sorted(names), n=1, cutoff=0.0)
    needed = [] if same else ["image_topic"]
    needed += [] if names[nearest] == kind else [f"image_transport to {BY_TYPE[names[nearest]]}"]
    return f"; did you mean {nearest}? Set {', and '.join(needed)}"


def _without_transport(topic: str) -> str:
    return topic.removesuffix(COLOUR["compressed"].suffix)
