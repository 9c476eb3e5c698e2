"""How the node and its cameras are, in words: what /diagnostics says, and what its silence means."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

PATIENCE = 3.0
"""Seconds of silence after which the node, or a camera, is said to be silent."""
FINE, WARNING, FAULT = 0, 1, 2


@dataclass(frozen=True)
class Finding:
    """One line about the node."""

    level: int
    """FINE, WARNING or FAULT; as of diagnostic_msgs."""
    text: str


class Diagnosis:
    """Takes what a node says about itself, and judges its silence. Times are those of `time.monotonic`."""

    def __init__(self, node: str) -> None:
        """`node` is the full name of the node, without the slash before it: "refseg/segment"."""
        self._node = node
        self._heard = -float("inf")
        self._began = time.monotonic()
        self._findings: tuple[Finding, ...] = ()

    def put(self, statuses: Iterable[tuple[str, int, str]]) -> None:
        """Take name, level and message of each status of one message; those of other nodes are passed over."""
        own = [Finding(level, f"{_part(name)}: {text}") for name, level, text in statuses if self._is_own(name)]
        if own:
            self._findings, self._heard = tuple(own), time.monotonic()

    def findings(self) -> tuple[Finding, ...]:
        """What is to be said now."""
        now = time.monotonic()
        if now - self._heard < PATIENCE:
            return self._findings
        if now - self._began < PATIENCE:
            return (Finding(WARNING, "waiting for the node segment"),)
        return (
            Finding(
                FAULT,
                f"the node {self._node} is silent. Does it run, and with the same ROS_DOMAIN_ID? "
                "Start it: ros2 launch refseg_ros segment.launch.py",
            ),
        )

    def _is_own(self, name: str) -> bool:
        return name.startswith(f"{self._node}: ")


def _part(name: str) -> str:
    """The part of a status's name: "camera front" of "refseg/segment: camera front"."""
    return name.partition(": ")[2]
