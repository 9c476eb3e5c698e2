"""What only a clone of the repository can try: graphs in 16 bits, training steps and the bench's lines of a GPU.

These are commands of `model_training` and `benchmarks`, which nothing here imports.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from refseg_ros.doctor.finding import Finding, error, ok, warn
from refseg_ros.engines.bundle import Bundle
from refseg_ros.gpu_check.deadline import Deadline
from refseg_ros.gpu_check.machine import Machine
from refseg_ros.interrupts import end_with_parent
from refseg_ros.text import one_line

PATIENCE = 200.0
"""Most seconds for a command; fewer if the deadline is nearer."""


def lacking() -> list[str]:
    """A line for each module that is missing."""
    missing = [name for name in ("benchmarks", "torch", "onnx") if importlib.util.find_spec(name) is None]
    return [
        f"{name} is not there, so training and bench are not tried: run make gpu-check in a clone" for name in missing
    ]


def with_half_precision(bundle: Bundle, folder: Path, deadline: Deadline) -> tuple[Bundle, list[Finding]]:
    """A copy of a bundle with graphs in 16 bits, or the bundle itself if there are none; and the failure, if any.

    Args:
        bundle: of the model.
        folder: for the copy; it must not exist yet.
        deadline: of all checks.
    """
    if lacking():
        return bundle, []
    shutil.copytree(bundle.folder, folder)
    _, failure = _run(deadline, "benchmarks.half_precision", str(folder))
    return (bundle, [error(f"no graphs in 16 bits: {failure}")]) if failure else (Bundle.load(folder), [])


def check_training(machine: Machine) -> Iterator[Finding]:
    """Does a training step run?"""
    if not lacking():
        yield from _told(machine.deadline, *_step(machine))


def check_bench(machine: Machine) -> Iterator[Finding]:
    """What do the bench's forms of CMSA take, in torch as they are and compiled, and a frame in each runtime?"""
    if not lacking():
        yield from _told(machine.deadline, "benchmarks.gpu", "--device", _device(machine))


def check_compiled_training(machine: Machine) -> Iterator[Finding]:
    """Does a training step run compiled by torch? Nothing of ours trains so, and its compiler may be missing."""
    if not lacking():
        yield from _told(machine.deadline, *_step(machine), "--compile", failed=warn)


def _step(machine: Machine) -> tuple[str, ...]:
    small = ("--batch", "1") if machine.is_rehearsal else ()
    return "benchmarks.step_time", "--steps", "3", "--device", _device(machine), *small


def _device(machine: Machine) -> str:
    return "cpu" if machine.is_rehearsal else "cuda"


def _told(
    deadline: Deadline, module: str, *arguments: str, failed: Callable[[str], Finding] = error
) -> Iterator[Finding]:
    """Run a command; a finding for each line that it prints, or one of why it failed."""
    lines, failure = _run(deadline, module, *arguments)
    yield from [failed(failure)] if failure else map(ok, lines)


def _run(deadline: Deadline, module: str, *arguments: str) -> tuple[list[str], str]:
    """The lines that a command prints, and why it failed, in one line; empty if it did not."""
    line, seconds = [module, *arguments], min(PATIENCE, deadline.left)
    try:
        done = subprocess.run(
            [sys.executable, "-m", *line],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            preexec_fn=end_with_parent,
        )
    except subprocess.TimeoutExpired:
        return [], f"{' '.join(line)} took more than {seconds:.0f} s"
    lines = [said for said in done.stdout.splitlines() if said.strip()]
    reason = f"{' '.join(line)} ended with exit code {done.returncode}: {one_line(done.stderr[-300:])}"
    return lines, reason if done.returncode else ""
