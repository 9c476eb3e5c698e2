"""The soak: a camera at 30 Hz, the real node, and faults thrown in at random from a seed.

    python -m tests.soak --minutes 10 --seed 1

Every answer is held against what the camera sent: its header is that of one frame to the bit, and its box and mask lie
where that frame's own pixels have the red square. After every fault a frame that was sent later has to be answered.
Memory, threads and open files have to be as they were. Exit code 1, and the violations, if anything is not so.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from refseg_ros.command import program
from refseg_ros.demo.processes import NodeProcess, stay_on_this_machine
from tests.bundles import write_bundle
from tests.ros.bench import Bench
from tests.ros.vitals import Violation, check_log
from tests.soak.faults import Faults
from tests.soak.schedule import faults
from tests.soak.watch import Watch


def soak(folder: Path, minutes: float, seed: int, rate: float) -> list[str]:
    """Soak a node whose files lie in a folder, print the report, and give what was violated."""
    stay_on_this_machine()
    model = str(write_bundle(folder / "bundle"))
    with (
        Bench() as bench,
        NodeProcess("segment_node", {"model": model, "threads": 1}, folder / "segment_node.log") as node,
        Faults(bench, node, folder / "sent", rate) as thrown,
    ):
        watch = Watch(bench, node, thrown.sent)
        try:
            began = time.monotonic()
            thrown.settle(watch)
            for fault in faults(seed, minutes):
                if time.monotonic() - began > minutes * 60:
                    break
                thrown.throw(fault, watch)
                watch.sample()
            seconds = time.monotonic() - began
            watch.end()
            check_log(node)
        except Violation as error:
            watch.violations.append(str(error))
            seconds = time.monotonic() - began
        watch.judge()
        watch.report(seconds, seed, rate, thrown.counts)
        return watch.violations


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the faults (%(default)s)")
    parser.add_argument("--rate", type=float, default=30.0, help="images per second (%(default)s)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        return int(bool(soak(Path(folder), options.minutes, options.seed, options.rate)))


if __name__ == "__main__":
    sys.exit(main())
