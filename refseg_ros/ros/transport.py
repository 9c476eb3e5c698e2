"""Transport of messages as large as images between processes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

PROFILE = Path(__file__).resolve().parent / "fastdds.xml"
LAST_DOMAIN = 232
"""Greatest ROS domain; ports of greater ones do not fit in 16 bits."""
_OLD_DISTRIBUTIONS = ("humble", "iron", "jazzy")
"""Those with Fast DDS 2, and with ROS_LOCALHOST_ONLY."""
PROFILE_OF_OLD, PROFILE_OF_NEW = "FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE"
"""Environment variables that name the profile for Fast DDS 2 and Fast DDS 3; ROS 2 Kilted still takes the old one."""


def fault_of_domain() -> str:
    """What is wrong with the ROS_DOMAIN_ID of this process, or empty; the middleware would end the process for it."""
    text = os.environ.get("ROS_DOMAIN_ID", "")
    if not text or (text.isdecimal() and int(text) <= LAST_DOMAIN):
        return ""
    return (
        f"ROS_DOMAIN_ID is {text!r}; it must be a number from 0 to {LAST_DOMAIN}, the same wherever nodes are to meet"
    )


def discovery_range(environment: Mapping[str, str]) -> str:
    """How far a process with this environment discovers others: OFF, LOCALHOST, ..., or empty for the default."""
    distribution = environment.get("ROS_DISTRO")
    if distribution in _OLD_DISTRIBUTIONS and environment.get("ROS_LOCALHOST_ONLY") == "1":  # it goes first
        return "LOCALHOST"
    return "" if distribution == "humble" else environment.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "")


def keep_discovery_local() -> None:
    """Let this process and its children discover only what runs on this machine, unless the environment says else."""
    if os.environ.get("ROS_DISTRO") == "humble":  # it knows no range
        os.environ.setdefault("ROS_LOCALHOST_ONLY", "1")
    else:
        os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")


def prefer_large_shared_memory() -> None:
    """Let Fast DDS use shared memory in which whole images fit; call before `rclpy.init`.

    Without it a best-effort subscriber loses nearly every image. A profile of the user's choice is kept.
    """
    names = profile_variables()
    if not any(name in os.environ for name in names):
        os.environ[names[0]] = str(PROFILE)


def profile_variables() -> tuple[str, ...]:
    """The environment variables that this shell's distribution reads; set the first one."""
    is_old = os.environ.get("ROS_DISTRO") in _OLD_DISTRIBUTIONS
    return (PROFILE_OF_OLD,) if is_old else (PROFILE_OF_NEW, PROFILE_OF_OLD)
