"""Tries everything that runs on a GPU, in ten minutes at most: `make gpu-check`, or `ros2 run refseg_ros gpu_check`.

It first says what is missing. Then it builds engines, compares CUDA and TensorRT with the CPU, has bad engines refused,
counts copies between host and GPU, and takes the memory away. In a clone it runs a training step and the bench's lines
too. --rehearse runs the same code without a GPU, over ONNX Runtime on the CPU; it says nothing about a GPU.

Exit code 0 when everything is well, 1 when something is not, 2 when there is no GPU to try it on.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from refseg_ros.command import FAILED, command, program
from refseg_ros.config import SegmenterConfig, add_option
from refseg_ros.doctor.finding import Finding, Level, error, ok, warn
from refseg_ros.engines.bundle import SHIPPED
from refseg_ros.engines.cuda import first_gpu
from refseg_ros.errors import UnavailableError
from refseg_ros.gpu_check import clone, stand_ins
from refseg_ros.gpu_check.checks import CHECKS, Machine
from refseg_ros.gpu_check.page import write_page
from refseg_ros.gpu_check.presence import libraries, provider
from refseg_ros.gpu_check.shared_budget import FOLDER
from refseg_ros.text import printable

BUDGET = 600.0
"""Seconds after which no other check begins."""
SICK = 1
"""Exit code where something is wrong."""


@command()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        if options.rehearse:
            os.environ[FOLDER] = folder
            stand_ins.install()
        mark = "REHEARSAL " if options.rehearse else ""
        findings = []
        for finding in _examine(options.model, Path(folder), options.rehearse):
            print(f"{mark}{finding.level.name:<6}{printable(finding.text)}", flush=True)
            findings.append(finding)
    try:
        gpu = first_gpu()
    except UnavailableError:
        return FAILED
    if not options.rehearse:
        write_page(options.page, gpu, findings)
        print(f"wrote {printable(str(options.page))}")
    return SICK if any(finding.level == Level.ERROR for finding in findings) else 0


def _parser() -> argparse.ArgumentParser:
    head, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog=program(), description=head, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_option(parser, SegmenterConfig, "model")
    parser.add_argument(
        "--page", type=Path, default=Path("performance-gpu.md"), help="to write (default: performance-gpu.md)"
    )
    parser.add_argument("--rehearse", action="store_true", help="run the same code without a GPU; writes no page")
    return parser


def _examine(model: str, folder: Path, is_rehearsal: bool) -> Iterator[Finding]:
    """Everything, one line after the other."""
    began = time.monotonic()
    try:
        gpu = first_gpu()
        yield ok(f"{gpu.name}, compute capability {gpu.compute_capability}")
        there: list[Finding] = []
    except UnavailableError as reason:
        yield error(f"{reason}")
        there = [error("nothing is tried without a GPU; --rehearse runs the same code on the CPU")]
    found, missing = libraries()
    has_provider, lacking = provider()
    yield from map(warn, [*missing, *lacking, *clone.lacking()])
    yield from there
    if there:
        return
    bundle = clone.with_half_precision(model or SHIPPED, folder / "bundle")
    machine = Machine(gpu, bundle, folder, found, has_provider, is_rehearsal)
    for check in (*CHECKS, clone.check_training, clone.check_bench):
        left = BUDGET - (time.monotonic() - began)
        if left <= 0:
            yield warn(f"not tried, for the {BUDGET:.0f} s are over: {check.__doc__}")
            continue
        try:
            yield from check(machine)
        except Exception as failure:  # of a driver or a library, whatever it is: the other checks go on
            yield error(f"{(check.__doc__ or '').strip()} {type(failure).__name__}: {failure}")


if __name__ == "__main__":
    sys.exit(main())
