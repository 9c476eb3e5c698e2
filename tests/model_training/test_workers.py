"""A training, or rendering for it, that is killed leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.model_training import folder

ROOT = Path(__file__).parents[2]


def children(pid: int) -> list[int]:
    """The processes that a process has started and that run."""
    text = subprocess.run(["ps", "-o", "pid=,stat=", "--ppid", str(pid)], capture_output=True, text=True).stdout
    return [int(line.split()[0]) for line in text.splitlines() if not line.split()[1].startswith("Z")]


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def until(condition, seconds: float = 300.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.2)
    return bool(condition())


FORKED = """
import sys
import numpy as np
from pathlib import Path
import torch
from model_training.train import train
from tests.model_training import tiny
from dataclasses import replace
phases = (replace(tiny.CONFIG.phases[0], steps=10**6),)
train(replace(tiny.CONFIG, phases=phases), Path(sys.argv[1]), Path(sys.argv[2]), 1, torch.device("cpu"))
"""


@pytest.mark.parametrize("kind", ["tabletop", "folder"])
def test_a_killed_run_leaves_no_worker(kind: str, data: Path, tmp_path: Path) -> None:
    """SIGKILL gives it no chance to tidy up; its workers are in the middle of handing over batches."""
    out = tmp_path / "run"
    if kind == "tabletop":
        command = [sys.executable, "-c", FORKED, str(out), str(data)]
    else:
        frames = folder.write_folder(tmp_path / "frames")
        command = [
            sys.executable,
            "-m",
            "tests.model_training.train_tiny",
            "--config",
            "tiny_small",
            "--steps",
            "1000000",
        ]
        command += ["--data", str(frames), "--out", str(out), "--workers", "2", "--device", "cpu"]
    log = out / "log.csv"
    check_killed(command, lambda: log.exists() and bool(log.read_text()))


RENDERED = """
import sys
from pathlib import Path
from dataclasses import replace
from model_training.datasets.rendering import render_shards
from tests.model_training import tiny
render_shards(replace(tiny.CONFIG.scenes, scenes=10**6), Path(sys.argv[1]), workers=2)
"""


def test_killed_rendering_leaves_no_worker(tmp_path: Path) -> None:
    check_killed([sys.executable, "-c", RENDERED, str(tmp_path)], lambda: any(tmp_path.glob("*.npz")))


def check_killed(command: list[str], busy: Callable[[], bool]) -> None:
    """Run a command until it is busy, and kill it; the processes that it started end."""
    run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert until(lambda: run.poll() is not None or busy())
        started = {pid: command_of(pid) for pid in children(run.pid)}
        assert run.poll() is None and started
    finally:
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    assert until(lambda: not any(command and command_of(pid) == command for pid, command in started.items()), 60)
