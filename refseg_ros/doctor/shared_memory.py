"""Finds and removes files of Fast DDS in /dev/shm that dead processes left. No ROS.

A participant has segments, which hold its messages, and ports, through which it learns of messages from others:

    fastdds_<16 hexadecimal digits>, fastdds_port<number>, sem.fastdds_port<number>_mutex

(`fastrtps_...` up to Fast DDS 2). Beside each segment and port is an empty file, `..._el` (exclusive) or `..._sl`
(shared), on which its owner holds a flock(2) lock. The kernel releases the lock of a killed process, but the files
stay, and a segment takes up memory of its full length whether it was written to or not.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from refseg_ros.doctor.finding import Finding, error, ok, warn
from refseg_ros.doctor.processes import held_files

FOLDER = Path("/dev/shm")
OF_A_NODE = 20e6
"""Bytes used by one of our nodes, rounded up (fastdds.xml)."""
MOST_DEAD = 0.1
"""Share of the whole; leftovers above it are worth a warning."""

_FILE = re.compile(r"(?:sem\.)?(?P<owner>fast(?:dds|rtps)_(?:port\d+|[0-9a-f]{16}))(?:_el|_sl|_mutex)?")


class Leftovers(NamedTuple):
    """The files that dead processes left in a folder."""

    owners: list[list[Path]]
    """For each segment or port with a free lock that no process has mapped or open: its files."""
    size: int
    """Bytes of memory of these files."""
    unknown: int
    """How many files of other users could not be checked."""

    @property
    def files(self) -> list[Path]:
        """All these files."""
        return [path for paths in self.owners for path in paths]


def find_leftovers(folder: Path = FOLDER) -> Leftovers:
    """Find the files of Fast DDS that no process uses."""
    owners: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if match := _FILE.fullmatch(path.name):
            owners.setdefault(match["owner"], []).append(path)
    held = held_files(folder)
    dead: list[list[Path]] = []
    unknown = 0
    for paths in owners.values():
        if not all(os.access(path, os.R_OK | os.W_OK) or not path.exists() for path in paths):
            unknown += len(paths)
        elif not any(str(path) in held for path in paths):
            with _locked(paths) as is_free:
                if is_free:
                    dead.append(paths)
    return Leftovers(dead, sum(_memory(path) for paths in dead for path in paths), unknown)


def remove_leftovers(folder: Path = FOLDER) -> Leftovers:
    """Remove the files that no process uses, and return them.

    Their locks are held meanwhile, so that a process that wants the same port number takes another one.
    """
    found = find_leftovers(folder)
    for paths in found.owners:
        with _locked(paths) as is_free:
            for path in paths if is_free else ():
                path.unlink(missing_ok=True)
    return found


def check_shared_memory(folder: Path = FOLDER) -> Iterator[Finding]:
    """Check that there is enough shared memory, and how much of it dead processes left."""
    if not folder.is_dir():
        yield error(f"there is no {folder}: images go through the network stack; mount a tmpfs there")
        return
    space = os.statvfs(folder)
    whole, free = space.f_blocks * space.f_frsize, space.f_bavail * space.f_frsize
    found = find_leftovers(folder)
    if found.owners:
        left = f"{len(found.files)} files of dead processes take {_megabytes(found.size)} of {folder}"
        advice = "python -m refseg_ros.doctor --clean removes them"
        yield (warn if found.size > MOST_DEAD * whole else ok)(f"{left}; {advice}")
    if found.unknown:
        yield ok(f"{found.unknown} files of other users in {folder} were not looked at; root can")
    if free < 2 * OF_A_NODE:
        yield error(
            f"{folder} has {_megabytes(free)} free of {_megabytes(whole)}; each of our nodes takes "
            f"{_megabytes(OF_A_NODE)}, and without it images go through the network stack: end what fills it, or "
            "start the container with --shm-size=512m or --ipc=host"
        )
    else:
        yield ok(f"{folder} has {_megabytes(free)} free of {_megabytes(whole)}")


@contextmanager
def _locked(paths: Sequence[Path]) -> Iterator[bool]:
    """Try to lock an owner's files for the block; gives whether this succeeded."""
    with ExitStack() as stack:
        try:
            for path in paths:
                with suppress(FileNotFoundError):
                    fcntl.flock(stack.enter_context(open(path, "rb")), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


def _memory(path: Path) -> int:
    try:
        return path.stat().st_blocks * 512
    except OSError:  # its owner just removed it
        return 0


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.0f} MB"
