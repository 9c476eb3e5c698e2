"""Transport of messages as large as images between processes."""

from __future__ import annotations

import os
from pathlib import Path

PROFILE = Path(__file__).resolve().parent / "fastdds.xml"
_NAMES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
LAST_DOMAIN = 232
"""The ports of those beyond it are no numbers of 16 bits."""
_OLD_DISTRIBUTIONS = ("humble", "iron", "jazzy")


def fault_of_domain() -> str:
    """What is wrong with the ROS_DOMAIN_ID of this process, with which its middleware would end it; or empty."""
    text = os.environ.get("ROS_DOMAIN_ID", "")
    if not text or (text.isdecimal() and int(text) <= LAST_DOMAIN):
        return ""
    return (
        f"ROS_DOMAIN_ID is {text!r}; it must be a number from 0 to {LAST_DOMAIN}, the same wherever nodes are to meet"
    )


def prefer_large_shared_memory() -> None:
    """Let Fast DDS use shared memory in which whole images fit; call before `rclpy.init`.

    Without it a best-effort subscriber loses nearly every image. A profile of the user's choice is kept.
    """
    if not any(name in os.environ for name in _NAMES):
        os.environ[_NAMES[os.environ.get("ROS_DISTRO") in _OLD_DISTRIBUTIONS]] = str(PROFILE)
