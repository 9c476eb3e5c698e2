"""Checks the installation of ROS and the environment of this shell.

Nothing here joins the network, because some of these faults make ROS end the whole process when it does.
"""

from __future__ import annotations

import importlib.util
import os
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

from refseg_ros.doctor.finding import Finding, error, ok, warn
from refseg_ros.ros.transport import PROFILE, PROFILE_OF_NEW, discovery_range, fault_of_domain, profile_variables

LEAST_SEGMENT = 1_000_000
"""Bytes: a 640x480 image has 921,600; the default segment of Fast DDS holds half of that."""


def check_installation() -> Iterator[Finding]:
    """Check ROS, our messages and the middleware."""
    if importlib.util.find_spec("rclpy") is None:
        yield error("ROS 2 is not here (no rclpy): source /opt/ros/<distribution>/setup.bash, or use make demo")
        return
    yield ok(f"ROS 2 {os.environ.get('ROS_DISTRO', '(ROS_DISTRO is not set)')}")
    if importlib.util.find_spec("refseg_ros.msg") is None:
        yield error(
            "the messages of refseg_ros are not built, or not found: colcon build --packages-select refseg_ros, and "
            "source install/setup.bash in this shell"
        )
    yield from _middleware()


def _middleware() -> Iterator[Finding]:
    from ament_index_python import get_resources

    installed = sorted(set(get_resources("rmw_typesupport")) - {"rmw_implementation"})
    chosen = os.environ.get("RMW_IMPLEMENTATION", "")
    if chosen and chosen not in installed:
        yield error(
            f"RMW_IMPLEMENTATION is {chosen}, which is not installed (there is {', '.join(installed)}): "
            f"sudo apt install ros-$ROS_DISTRO-{chosen.replace('_', '-')}, or unset it"
        )
    elif chosen:
        yield ok(f"middleware: {chosen}")
    else:
        from rclpy.utilities import get_rmw_implementation_identifier  # ends the process where it is not installed

        yield ok(f"middleware: {get_rmw_implementation_identifier()}, the default")


def check_domain() -> Iterator[Finding]:
    """Check the ROS domain and the range of discovery."""
    if fault := fault_of_domain():
        yield error(fault)
        return
    yield ok(f"ROS domain {os.environ.get('ROS_DOMAIN_ID') or 0}")
    reach = discovery_range(os.environ)
    if reach == "OFF":
        yield error(
            "ROS_AUTOMATIC_DISCOVERY_RANGE is OFF: nothing hears anything; unset it, or set LOCALHOST or SUBNET"
        )
    elif reach == "LOCALHOST":
        yield ok("discovery stays on this machine; a camera on another one is not heard")


def check_profile() -> Iterator[Finding]:
    """Check the Fast DDS profile for nodes started in this shell."""
    names = profile_variables()
    if PROFILE_OF_NEW not in names and PROFILE_OF_NEW in os.environ and names[0] not in os.environ:
        yield warn(f"{PROFILE_OF_NEW} is set, but Fast DDS of this distribution reads {names[0]}: set that")
    for name in names:
        given = os.environ.get(name)
        if given is None:
            continue
        try:
            sizes = [
                int(item.text or 0) for item in ElementTree.parse(given).iter() if item.tag.endswith("segment_size")
            ]
        except (OSError, ElementTree.ParseError, ValueError) as reason:
            yield error(f"{name} names {given}, which cannot be read ({reason}); unset it, or name {PROFILE}")
            continue
        if max(sizes, default=0) < LEAST_SEGMENT:
            yield warn(
                f"{name} names {given}, which gives shared memory of {max(sizes, default=512_000)} bytes at most, less "
                f"than one 640x480 image: such images, sent best effort, get lost; name {PROFILE}, or set segment_size"
            )
        else:
            yield ok(f"{name} gives images {max(sizes) / 1e6:.0f} MB of shared memory")
