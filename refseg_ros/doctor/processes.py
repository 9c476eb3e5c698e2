"""Finds the processes of this machine with ROS in /proc, with their domains and shared memory. No ROS needed.

Only root can see the processes of other users.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from refseg_ros.text import without_password

FIRST_PORT, PORTS_OF_A_DOMAIN = 7400, 250
"""First port number of domain 0, and port numbers per domain (RTPS 2.5, 9.6.2.3)."""

_OURS = re.compile(r"refseg_ros\.(\w+_node)|.*/refseg_ros/(\w+_node)(?:\.py)?")
_PORT = re.compile(r"/dev/shm/fast(?:dds|rtps)_port(\d+)_[es]l")
_SEGMENT = re.compile(r"(/dev/shm/fast(?:dds|rtps)_[0-9a-f]{16})_el")


@dataclass(frozen=True)
class Participant:
    """A process with ROS in it."""

    pid: int
    name: str
    """The beginning of its command line."""
    node: str
    """Module of this package's node, such as "segment_node"; empty for another program."""
    domains: frozenset[int]
    """ROS domains in which it listens, from its shared memory or else its environment."""
    environment: dict[str, str]
    """Environment with which it was started."""
    segment: int
    """Bytes of its largest Fast DDS segment of shared memory; 0 without one."""


def participants() -> list[Participant]:
    """All readable processes with ROS, except this one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # of another user, or just ended
            if int(process.name) != os.getpid() and _has_ros(process):
                found.append(_participant(process))
    return sorted(found, key=lambda one: one.pid)


def held_files(folder: Path) -> set[str]:
    """Files of a folder that processes have mapped or open."""
    held: set[str] = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            held |= {path for path in _mapped(process) if path.startswith(f"{folder}/")}
        held.update(_opened(process))
    return held


def _participant(process: Path) -> Participant:
    words = (process / "cmdline").read_text(errors="replace").split("\0")
    pairs = (process / "environ").read_text(errors="replace").split("\0")
    environment = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    opened = _opened(process)
    ports = [int(match[1]) for path in opened if (match := _PORT.fullmatch(path))]
    by_ports = {(port - FIRST_PORT) // PORTS_OF_A_DOMAIN for port in ports if port >= FIRST_PORT}
    segments = [Path(match[1]) for path in opened if (match := _SEGMENT.fullmatch(path))]
    return Participant(
        pid=int(process.name),
        name=without_password(" ".join([Path(words[0]).name, *words[1:]]).strip())[:60],
        node=next((match[1] or match[2] for word in words[:3] if (match := _OURS.fullmatch(word))), ""),
        domains=frozenset(by_ports or {domain_of(environment)}),
        environment=environment,
        segment=max((path.stat().st_size for path in segments if path.exists()), default=0),
    )


def domain_of(environment: dict[str, str]) -> int:
    """The ROS domain of an environment; 0 unless it names a number."""
    text = environment.get("ROS_DOMAIN_ID", "")
    return int(text) if text.isdecimal() else 0


def _has_ros(process: Path) -> bool:
    return any(Path(path).name.startswith("librcl.so") for path in _mapped(process))


def _mapped(process: Path) -> Iterator[str]:
    for line in (process / "maps").read_text(errors="replace").splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6:
            yield fields[5]


def _opened(process: Path) -> list[str]:
    paths = []
    with suppress(OSError):
        for descriptor in os.listdir(process / "fd"):
            with suppress(OSError):
                paths.append(os.readlink(process / "fd" / descriptor))
    return paths
