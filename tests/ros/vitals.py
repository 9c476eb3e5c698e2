"""What a node holds, and what its log may hold, whatever was done to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from refseg_ros.demo.processes import NodeProcess

LONGEST_LINE = 1000
"""Characters of a log's line that a person can read."""


class Violation(Exception):
    """The node did what it never should; the message says what."""


@dataclass(frozen=True)
class Vitals:
    """What a process holds.

    Attributes:
        megabytes: of memory of its own. The buffers of the middleware, which processes share, are of a fixed size, but
            count as resident only from the first use of each page on.
        threads: of it.
        files: that it has open, sockets among them.
    """

    megabytes: float
    threads: int
    files: int


def vitals_of(node: NodeProcess) -> Vitals:
    """What a running node holds."""
    folder = Path(f"/proc/{node.process.pid}")
    lines = (folder / "status").read_text().splitlines()
    own = next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
    return Vitals(own / 1024, len(list((folder / "task").iterdir())), len(list((folder / "fd").iterdir())))


def check_log(node: NodeProcess) -> None:
    """Hold the log of a node to what one may hold.

    Raises:
        Violation: a traceback, a line that is too long, or a character that no terminal should see.
    """
    text = node.log.read_bytes().decode()
    if "Traceback" in text:
        raise Violation(f"the node's log has a traceback\n{text[text.index('Traceback') :][:3000]}")
    if bad := [line for line in text.split("\n") if len(line) > LONGEST_LINE or not line.isprintable()]:
        raise Violation(f"the node's log has {len(bad)} lines that are none, such as {bad[0][:500]!r}")
