"""Checks memory, disk and GPU of the machine. No ROS."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from refseg_ros.doctor.finding import Finding, error, ok, warn
from refseg_ros.files import expanded

LEAST_MEMORY = 500e6
"""Bytes: the library alone takes 155 MB with `household` and 122 MB with `tabletop`; nodes and images take more."""
LEAST_DISK = 100e6
"""Bytes needed for logs."""
MEMORY, DRIVER = Path("/proc/meminfo"), Path("/proc/driver/nvidia/version")
"""Files in which the kernel describes its memory, and the NVIDIA driver itself."""


def check_memory(file: Path = MEMORY) -> Iterator[Finding]:
    """Check that there is enough memory for the node."""
    fields = dict(line.split(":") for line in file.read_text().splitlines())
    available = int(fields["MemAvailable"].split()[0]) * 1024
    if available < LEAST_MEMORY:
        yield warn(f"{available / 1e6:.0f} MB of memory are available; the node wants 500 MB: end something")
    else:
        yield ok(f"{available / 1e9:.1f} GB of memory are available")


def check_disk() -> Iterator[Finding]:
    """Check that ROS can write its logs; otherwise a node does not start."""
    if not any(os.environ.get(name) for name in ("HOME", "ROS_HOME", "ROS_LOG_DIR")):
        yield error("HOME is not set, so that ROS does not know where to write logs: set it, or ROS_LOG_DIR")
        return
    home = expanded(os.environ.get("ROS_HOME") or "~/.ros")
    folder = expanded(os.environ.get("ROS_LOG_DIR") or home / "log")
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        yield error(f"logs cannot be written to {folder}; make it writable, or name another with ROS_LOG_DIR")
        return
    free = shutil.disk_usage(existing).free
    if free < LEAST_DISK:
        yield error(f"{existing} has {free / 1e6:.0f} MB free; a node needs some for its log: make room")
    else:
        yield ok(f"{free / 1e9:.1f} GB of disk are free for logs in {folder}")


def gpu_driver(file: Path = DRIVER) -> str:
    """Name and version of the NVIDIA driver; empty without one."""
    return " ".join(file.read_text().partition("\n")[0].split()) if file.exists() else ""
