"""Tries everything that runs on a GPU, in ten minutes at most: `make gpu-check`, or `ros2 run refseg_ros gpu_check`.

It first says what is missing. Then it builds engines, compares CUDA and TensorRT with the CPU, has bad engines refused,
counts copies between host and GPU, takes the memory away, and counts launches of CUDA graphs. In a clone it runs
training steps and the bench's lines too. After nine and a half minutes nothing new begins; what still runs after ten is
ended. --rehearse runs the same code without a GPU, over ONNX Runtime on the CPU; it says nothing about a GPU.

Exit code 0 when everything is well, 1 when something is not, 2 when there is no GPU, or no runtime for it, to try.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from refseg_ros.command import command, program
from refseg_ros.config import SegmenterConfig, add_option
from refseg_ros.doctor.finding import Finding, Level, ok, warn
from refseg_ros.engines.bundle import DEFAULT, Bundle
from refseg_ros.engines.cuda import first_gpu
from refseg_ros.errors import UnavailableError
from refseg_ros.gpu_check import clone, stand_ins
from refseg_ros.gpu_check.bounded import within
from refseg_ros.gpu_check.checks import CHECKS
from refseg_ros.gpu_check.deadline import Deadline
from refseg_ros.gpu_check.machine import Machine
from refseg_ros.gpu_check.page import check_page, write_page
from refseg_ros.gpu_check.presence import libraries, provider, starting
from refseg_ros.gpu_check.shared_budget import FOLDER
from refseg_ros.text import printable

BUDGET = 600.0
"""Seconds after which the command ends, whatever still runs."""
RESERVE = 30.0
"""Seconds before the end in which nothing new begins, so that what runs can finish."""
SICK = 1
"""Exit code where something is wrong."""


@command()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parser().parse_args(arguments)
    if not options.rehearse:
        check_page(options.page)
    with tempfile.TemporaryDirectory() as folder:
        if options.rehearse:
            os.environ[FOLDER] = folder
            stand_ins.install()
        mark = "REHEARSAL " if options.rehearse else ""
        findings = []
        for finding in within(BUDGET, _examine(options.model, Path(folder), options.rehearse)):
            print(f"{mark}{finding.level.name:<6}{printable(finding.text)}", flush=True)
            findings.append(finding)
    if not options.rehearse:
        write_page(options.page, findings)
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
    """Run all checks; gives one finding after the other.

    Raises:
        UnavailableError: there is nothing to try.
        BundleError: there is no such model.
    """
    deadline = Deadline(BUDGET - RESERVE)
    found, missing = libraries()
    has_provider, lacking = provider()
    yield from (*missing, *lacking, *map(warn, clone.lacking()))
    try:
        gpu = first_gpu()
    except UnavailableError as reason:
        raise UnavailableError(
            f"{reason}; nothing is tried without, --rehearse runs the same code on the CPU"
        ) from None
    yield ok(f"{gpu.name}, compute capability {gpu.compute_capability}")
    bundle = Bundle.load(model or DEFAULT)
    if has_provider:
        refusal = starting(bundle, gpu)
        has_provider = not refusal
        yield from refusal
    if not found and not has_provider:
        raise UnavailableError(
            "nothing is tried without a runtime for the GPU: install onnxruntime-gpu in place of onnxruntime with the "
            "CUDA and cuDNN of its version, or TensorRT (docs/engines.md)"
        )
    bundle, failures = clone.with_half_precision(bundle, folder / "bundle", deadline)
    yield from failures
    machine = Machine(gpu, bundle, folder, found, has_provider, is_rehearsal, deadline)
    of_clone = (clone.check_training, clone.check_bench, clone.check_compiled_training)  # what may take longest is last
    for check in (*CHECKS, *of_clone):
        yield from deadline.attempt((check.__doc__ or "").strip(), check(machine))


if __name__ == "__main__":
    sys.exit(main())
