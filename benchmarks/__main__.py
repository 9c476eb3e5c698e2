"""Measure everything in turn and write docs/performance.md: `make bench`, or `python -m benchmarks [--quick]`.

Each section runs in a process of its own. One that cannot run here (no ROS, no GPU) says why, and the others go on.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import load, report
from benchmarks.measuring import Effort, Table
from benchmarks.report import Section
from refseg_ros.command import program

SECTIONS = {
    "floor": "The floor",
    "clip": "Clips",
    "growth": "Words, expressions, cameras, image size",
    "cmsa": "CMSA",
    "runtimes": "Runtimes",
    "alternatives": "Alternatives",
    "node": "The node",
    "page": "The live page",
    "search": "Searching bags",
    "paper": "The paper's network",
    "gpu": "GPU",
}
WANTED = {
    "node": ("rclpy", "ROS 2 is missing; `make bench` sets it up"),
    "page": ("playwright", "playwright is missing; `make bench` installs it"),
    "search": ("distributed", "Dask is missing; `make bench` installs it"),
    "alternatives": ("transformers", "transformers is missing; `make bench` installs it"),
}
"""Section -> a module that it needs, and what to say if that is missing."""
CLOCKED = ("node", "page", "search", "paper")
"""Sections that time other processes, always by the clock."""

MARK = "TABLES "
ROOT = Path(__file__).parent.parent


def run(name: str, arguments: list[str]) -> Section:
    """Measure a section in a process of its own."""
    module, reason = WANTED.get(name, ("", ""))
    if module and importlib.util.find_spec(module) is None:
        return Section(SECTIONS[name], [], f"Not measured: {reason}.")
    busy = load.of_others() >= load.BUSY
    command = [sys.executable, "-m", "benchmarks", "--section", name, *arguments, *["--busy"] * busy]
    # torch's threads wait for each other in a loop, which would count as computing when others have the cores.
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"} if busy else None
    meanwhile = load.Load()
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    others = meanwhile.of_others()
    lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if done.returncode or not lines:
        return Section(SECTIONS[name], [], f"Not measured: it ended with exit code {done.returncode}.")
    tables = [Table(**table) for table in json.loads(lines[-1].removeprefix(MARK))]
    reason = "" if tables else "Not measured: this machine has no GPU. What runs on one is untried (`docs/engines.md`)."
    return Section(SECTIONS[name], tables, reason, others, counted=busy and name not in CLOCKED)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=program(), description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and nothing that takes minutes")
    parser.add_argument("--soak", type=float, help="seconds that the node is watched for (default: 600, quick: 30)")
    parser.add_argument("--busy", action="store_true", help="with --section: count computing time")
    parser.add_argument("--section", choices=SECTIONS, help="measure this one alone, and print it as JSON")
    parser.add_argument("--output", type=Path, default=ROOT / "docs", help="folder of the page and its picture")
    options = parser.parse_args()
    if options.busy and not options.section:
        parser.error("--busy has no effect without --section")
    effort = Effort(seconds=4.0, least=3, most=21, soak=30.0, whole=False) if options.quick else Effort()
    effort = dataclasses.replace(effort, soak=options.soak or effort.soak, busy=options.busy)
    if options.section:
        tables = importlib.import_module(f"benchmarks.{options.section}").measure(effort)
        print(MARK + json.dumps([table.as_json() for table in tables]))
        return 0
    arguments = ["--quick"] * options.quick
    arguments += [f"--soak={options.soak}"] if options.soak else []
    sections, began = [], time.monotonic()
    for name, title in SECTIONS.items():
        print(f"[bench] {time.monotonic() - began:5.0f} s  {title}", file=sys.stderr, flush=True)
        sections.append(run(name, arguments))
        print(sections[-1].text(), flush=True)
    report.write(sections, options.output, quick=options.quick)
    return 0


if __name__ == "__main__":
    sys.exit(main())
