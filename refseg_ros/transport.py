"""How messages as large as images get from one process to the next."""

from __future__ import annotations

import os
from pathlib import Path

PROFILE = Path(__file__).resolve().parent / "fastdds.xml"
_NAMES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
_OLD_DISTRIBUTIONS = ("humble", "iron", "jazzy")


def prefer_large_shared_memory() -> None:
    """Give this process, if its middleware is Fast DDS, shared memory in which whole images fit; before `rclpy.init`.

    Without it a best-effort subscriber loses nearly every image. A profile that the user chose is left alone.
    """
    if not any(name in os.environ for name in _NAMES):
        os.environ[_NAMES[os.environ.get("ROS_DISTRO") in _OLD_DISTRIBUTIONS]] = str(PROFILE)
