"""Checks the running graph: our node, its cameras, their QoS and rates, the clock."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.srv import GetState
from rcl_interfaces.srv import GetParameters
from rclpy.node import NodeNameNonExistentError
from rclpy.qos import QoSCompatibility, qos_check_compatible
from rclpy.topic_endpoint_info import TopicEndpointInfo
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from refseg_ros.doctor.finding import Finding, error, ok, warn
from refseg_ros.doctor.installation import LEAST_SEGMENT
from refseg_ros.doctor.listener import Listener
from refseg_ros.doctor.processes import Participant
from refseg_ros.node.qos_doctor import why_no_image
from refseg_ros.ros.transport import PROFILE, discovery_range, profile_variables

DISCOVERY = 4.0
"""Seconds for discovery: Fast DDS repeats an announcement after 3 s."""
LISTENING = 3.0
"""Seconds to listen to topics."""
LEAST_RATE = 1.0
"""Images per second: fewer mean that the camera hardly works, or that images get lost."""
DAEMON = "ros2cli.daemon"
"""Part of the command line of the ros2 daemon, which sends no images."""
MOST_NAMED = 3
"""Processes of other domains that are named."""
NODE = "segment"
KINDS = {"sensor_msgs/msg/Image": Image, "sensor_msgs/msg/CompressedImage": CompressedImage}
CALIBRATION = "sensor_msgs/msg/CameraInfo"
LEVELS = {DiagnosticStatus.OK: ok, DiagnosticStatus.WARN: warn, DiagnosticStatus.ERROR: error}


def check_graph(domain: int, processes: Sequence[Participant]) -> Iterator[Finding]:
    """Join the graph and check it.

    Args:
        domain: ROS domain of this shell.
        processes: all processes of this machine that take part in any graph.
    """
    with Listener() as listener:
        statuses: dict[str, DiagnosticStatus] = {}

        def note(message: DiagnosticArray) -> None:
            statuses.update({status.name: status for status in message.status})

        listener.hear("/diagnostics", DiagnosticArray, note)
        listener.until(lambda: False, DISCOVERY)
        nodes = Counter(listener.node.get_node_names_and_namespaces())
        ours = [(name, namespace) for name, namespace in nodes if name == NODE]
        if not ours:
            yield _no_node(domain, processes)
        for name, namespace in ours:
            yield from _check_node(
                listener, name, namespace, nodes[name, namespace], statuses, elsewhere(domain, processes)
            )
        yield from _check_segments(domain, processes)


def _no_node(domain: int, processes: Sequence[Participant]) -> Finding:
    missing = f"no node {NODE} is heard in domain {domain}"
    reasons = [
        f"{process.name} (process {process.pid}) {reason}"
        for process in processes
        if process.node == "segment_node" and (reason := _why_unheard(domain, process))
    ]
    if reasons:
        return error(f"{missing}, but {'; '.join(reasons)}")
    return error(f"{missing}: ros2 launch refseg_ros segment.launch.py image_topic:=/your/camera")


def elsewhere(domain: int, processes: Sequence[Participant]) -> str:
    """Say where a camera that is not heard may be: the end of a sentence; empty where no other domain is used."""
    others = [one for one in processes if domain not in one.domains and DAEMON not in one.name]
    named = [f"{one.name} (process {one.pid}) in domain {min(one.domains)}" for one in others[:MOST_NAMED]]
    if not named:
        return ""
    more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
    return f"; in other domains run {', '.join(named)}{more}: start the camera with ROS_DOMAIN_ID={domain}"


def _why_unheard(domain: int, process: Participant) -> str:
    if domain not in process.domains:
        other = min(process.domains)
        return f"is in domain {other}: export ROS_DOMAIN_ID={other} in this shell, or start it with {domain}"
    if discovery_range(process.environment) == "OFF":
        return "was started with ROS_AUTOMATIC_DISCOVERY_RANGE=OFF, which lets nobody hear it: start it without"
    return ""


def _check_node(
    listener: Listener,
    name: str,
    namespace: str,
    count: int,
    statuses: dict[str, DiagnosticStatus],
    others: str,
) -> Iterator[Finding]:
    full = f"{namespace.rstrip('/')}/{name}"
    if count > 1:
        yield error(
            f"{count} nodes are called {full}; calls reach any of them: end all but one, or give it a namespace"
        )
    response = listener.call(GetState, f"{full}/get_state", LISTENING)
    state = response.current_state.label if response else ""
    if state == "active":
        yield ok(f"{full} is active")
    elif state:
        step = "configure" if state == "unconfigured" else "activate"
        yield error(f"{full} is {state} and answers nothing: ros2 lifecycle set {full} {step}")
    else:
        yield error(f"{full} does not answer calls; does it hang, or has a middleware or firewall only half of it?")
    yield from _check_clock(listener, full)
    try:
        yield from _check_inputs(listener, name, namespace, others)
    except NodeNameNonExistentError:
        yield error(f"{full} ended while it was examined: see its log, and start it again")
        return
    mine = [status for key, status in statuses.items() if key.startswith(f"{full.lstrip('/')}: ")]
    for status in sorted(mine, key=lambda one: one.name):
        if status.level != DiagnosticStatus.OK:
            yield LEVELS.get(status.level, warn)(f"{status.name} says: {status.message}")
    if not mine:
        yield warn(
            f"{full} was not heard on /diagnostics for {DISCOVERY + LISTENING:g} s, where it speaks every second"
        )


def _check_clock(listener: Listener, full: str) -> Iterator[Finding]:
    request = GetParameters.Request(names=["use_sim_time"])
    response = listener.call(GetParameters, f"{full}/get_parameters", LISTENING, request)
    if response is None or not response.values or not response.values[0].bool_value:
        return
    ticks: list[Clock] = []
    listener.hear("/clock", Clock, ticks.append)
    listener.until(lambda: ticks, LISTENING)
    if ticks:
        yield ok(f"{full} has use_sim_time, and /clock ticks")
    else:
        yield error(
            f"{full} has use_sim_time, but nothing comes on /clock, so its time stands still: ros2 bag play --clock, "
            "start the simulator, or use_sim_time:=false"
        )


def _check_inputs(listener: Listener, name: str, namespace: str, others: str) -> Iterator[Finding]:
    """Check the node's subscriptions, under their remapped names.

    Args:
        listener: in the node's graph.
        name: of the node.
        namespace: of the node.
        others: added to what is said of a topic without a publisher.

    Raises:
        NodeNameNonExistentError: the node is gone.
    """
    graph = listener.node
    inputs = dict(graph.get_subscriber_names_and_types_by_node(name, namespace))
    own = [topic for topic, _ in graph.get_publisher_names_and_types_by_node(name, namespace)]
    images = {topic: kinds[0] for topic, kinds in inputs.items() if kinds[0] in KINDS}
    calibrations = [topic for topic, kinds in inputs.items() if CALIBRATION in kinds]
    moments: dict[str, list[float]] = {topic: [] for topic in images}
    infos: dict[str, CameraInfo] = {}
    for topic, kind in images.items():
        listener.hear(topic, KINDS[kind], lambda _, topic=topic: moments[topic].append(time.monotonic()))  # type: ignore[misc]
    for topic in calibrations:
        listener.hear(topic, CameraInfo, lambda message, topic=topic: infos.update({topic: message}))  # type: ignore[misc]
    listener.until(lambda: False, LISTENING)
    for topic, kind in images.items():
        takers = _subscriptions(listener, topic, name, namespace)
        rate = _per_second(moments[topic])
        if rate:  # otherwise it is the reason why no image comes
            yield from _misfits(listener, topic, name, takers)
        if rate >= LEAST_RATE:
            yield ok(f"{topic} brings {rate:.1f} images/s")
        elif rate:
            yield warn(
                f"{topic} brings only {rate:.1f} images/s: raise the camera's rate; if it sends more than that, images "
                f"get lost on the way: start it with {profile_variables()[0]}={PROFILE}"
            )
        else:
            why = why_no_image(graph, topic, kind, takers[0].qos_profile, own)
            hint = "" if graph.count_publishers(topic) else others
            yield error(f"no image in {LISTENING:g} s: {why}{hint}")
    for topic in calibrations:
        yield from _misfits(listener, topic, name, _subscriptions(listener, topic, name, namespace))
        if topic not in infos:
            yield warn(f"nothing came on {topic} in {LISTENING:g} s: without calibration nothing is placed in space")
        elif infos[topic].k[0] == 0.0:
            yield warn(f"{topic} is all zeros, so the camera is not calibrated, and nothing is placed in space")
        else:
            yield ok(f"{topic} has the calibration of a {infos[topic].width}x{infos[topic].height} image")


def _per_second(moments: Sequence[float]) -> float:
    """The rate of messages that came at these moments: the lower of two estimates.

    Over all of LISTENING it is too high if a few messages come right at the beginning and the end; from the first to
    the last message it is too high for a burst.
    """
    whole = len(moments) / LISTENING
    return min(whole, (len(moments) - 1) / (moments[-1] - moments[0])) if len(moments) > 1 else whole


def _subscriptions(listener: Listener, topic: str, name: str, namespace: str) -> list[TopicEndpointInfo]:
    """The node's own subscriptions to a topic: one, unless several nodes have its name.

    Raises:
        NodeNameNonExistentError: there is none any more.
    """
    takers = listener.node.get_subscriptions_info_by_topic(topic)
    own = [taker for taker in takers if (taker.node_name, taker.node_namespace) == (name, namespace)]
    if not own:
        raise NodeNameNonExistentError(f"{namespace}, {name}")
    return own


def _misfits(listener: Listener, topic: str, name: str, takers: Sequence[TopicEndpointInfo]) -> Iterator[Finding]:
    """Publishers whose QoS does not match the subscriptions `takers` of the node `name`."""
    for taker in takers:
        for giver in listener.node.get_publishers_info_by_topic(topic):
            fit, reason = qos_check_compatible(giver.qos_profile, taker.qos_profile)
            if fit == QoSCompatibility.ERROR:
                who = f"{giver.node_namespace.rstrip('/')}/{giver.node_name}"
                yield error(
                    f"{who} offers {topic} in a way that {name} does not take ({reason.strip()}): change its QoS, or "
                    f"qos_overrides.{topic}.subscription of {name}"
                )


def _check_segments(domain: int, processes: Sequence[Participant]) -> Iterator[Finding]:
    for process in processes:
        if domain in process.domains and 0 < process.segment < LEAST_SEGMENT and DAEMON not in process.name:
            yield warn(
                f"{process.name} (process {process.pid}) has {process.segment / 1e6:.1f} MB of shared memory; larger "
                "images of it, sent best effort, get lost: if it is a camera, start it with "
                f"{profile_variables()[0]}={PROFILE}"
            )
