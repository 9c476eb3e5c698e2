"""Examines the machine and the running nodes once, and says what is wrong and what to do.

    ros2 run refseg_ros doctor                    or  python -m refseg_ros.doctor
    ros2 run refseg_ros doctor --model tabletop   another model than household
    ros2 run refseg_ros doctor --clean            also removes shared memory left by dead processes

Run it in the shell where you start the nodes, because it checks the environment of the shell. Exit code 0 if nothing
is wrong (there may be warnings), else 1.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence

from refseg_ros.command import command, program
from refseg_ros.doctor.finding import Finding, Level, error, ok
from refseg_ros.doctor.installation import check_domain, check_installation, check_profile
from refseg_ros.doctor.machine import check_disk, check_memory
from refseg_ros.doctor.model import check_model
from refseg_ros.doctor.processes import domain_of, participants
from refseg_ros.doctor.shared_memory import check_shared_memory, remove_leftovers
from refseg_ros.interrupts import importing
from refseg_ros.text import printable

SICK = 1
"""Exit code if something is wrong."""


@command()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(arguments)
    worst = Level.OK
    for level, text in _examine(options.model, options.clean):
        print(f"{level.name:<6}{printable(text)}", flush=True)
        worst = max(worst, level)
    return SICK if worst == Level.ERROR else 0


def _parser() -> argparse.ArgumentParser:
    head, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog=program(), description=head, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="", help="folder or name of the model (default: household)")
    parser.add_argument("--clean", action="store_true", help="remove shared memory left by dead processes")
    return parser


def _examine(model: str, clean: bool) -> Iterator[Finding]:
    """Run all checks; the graph comes last, and only if ROS can start."""
    before: list[Finding] = []
    for check in (check_installation, check_domain, check_profile, check_memory, check_disk):
        for finding in check():
            before.append(finding)
            yield finding
    if clean:
        removed = remove_leftovers()
        yield ok(f"removed {len(removed.files)} files of dead processes, {removed.size / 1e6:.0f} MB")
    yield from check_shared_memory()
    yield from check_model(model)
    if any(finding.level == Level.ERROR for finding in before):
        yield error("the running graph was not examined; fix the errors above first")
        return
    with importing():  # here, because it needs ROS
        from refseg_ros.doctor.graph import check_graph

    yield from check_graph(domain_of(dict(os.environ)), participants())


if __name__ == "__main__":
    sys.exit(main())
