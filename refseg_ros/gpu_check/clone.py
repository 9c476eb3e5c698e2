"""What only a clone of the repository can try: graphs in 16 bits, a training step and the bench's lines of a GPU.

These are commands of `model_training` and `benchmarks`, which nothing here imports.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from refseg_ros.doctor.finding import Finding, error, ok
from refseg_ros.engines.bundle import Bundle
from refseg_ros.gpu_check.checks import Machine
from refseg_ros.text import one_line

PATIENCE = 200.0
"""Seconds for a command."""


def lacking() -> list[str]:
    """A line for each of what is not there."""
    missing = [name for name in ("benchmarks", "torch", "onnx") if importlib.util.find_spec(name) is None]
    return [
        f"{name} is not there, so training and bench are not tried: run make gpu-check in a clone" for name in missing
    ]


def with_half_precision(source: str | Path, folder: Path) -> Bundle:
    """A copy of a bundle, given by its folder or name, with graphs in 16 bits where they can be made."""
    shutil.copytree(Bundle.load(source).folder, folder)
    if not lacking():
        _run("benchmarks.half_precision", str(folder))
    return Bundle.load(folder)


def check_training(machine: Machine) -> Iterator[Finding]:
    """Does a training step run?"""
    if not lacking():
        small = ["--batch", "1"] if machine.is_rehearsal else []
        yield from _told("benchmarks.step_time", "--steps", "3", "--device", _device(machine), *small)


def check_bench(machine: Machine) -> Iterator[Finding]:
    """What do the bench's forms of CMSA take, in torch as they are and compiled, and a frame in each runtime?"""
    if not lacking():
        yield from _told("benchmarks.gpu", "--device", _device(machine))


def _device(machine: Machine) -> str:
    return "cpu" if machine.is_rehearsal else "cuda"


def _told(module: str, *arguments: str) -> Iterator[Finding]:
    """Run a command; a finding for each line that it prints, or one of why it failed."""
    done = _run(module, *arguments)
    if done.returncode:
        yield error(f"{module} ended with exit code {done.returncode}: {one_line(done.stderr[-300:])}")
    else:
        yield from (ok(line) for line in done.stdout.splitlines() if line.strip())


def _run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", module, *arguments]
    try:
        return subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(line, 1, "", f"it took more than {PATIENCE:.0f} s")
