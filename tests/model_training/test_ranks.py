"""Several processes that train one network, started by torchrun on this machine: real ones, over gloo."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from model_training import checkpoint
from tests.model_training import folder

ROOT = Path(__file__).parents[2]
STEPS = 6


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder.write_folder(tmp_path_factory.mktemp("frames"))


def trained(
    frames: Path, out: Path, ranks: int, config: str, *more: str, die: str = ""
) -> subprocess.CompletedProcess[str]:
    """A run of the command by so many processes, to its end."""
    launched = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)] if ranks > 1 else []
    command = [sys.executable, *launched, "-m", "tests.model_training.train_tiny", "--config", config]
    command += ["--data", str(frames), "--out", str(out), "--workers", "0", "--device", "cpu", "--batch", "4", *more]
    environment = os.environ | ({"DIE": die} if die else {})
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900)


def terms(out: Path) -> list[float]:
    """All that a run has in its log."""
    rows = [row.split(",")[2:] for row in (out / "log.csv").read_text().splitlines()]
    return [float(cell.split("=")[1]) for row in rows for cell in row]


def test_a_killed_process_ends_the_job_and_two_give_what_one_gives(frames: Path, tmp_path: Path) -> None:
    """By the paper's recipe, on batches in two parts, gone on from a checkpoint in the middle."""
    options = ("tiny_paper", "--steps", str(STEPS))
    ended = trained(frames, tmp_path / "two", 2, *options, "--accumulate", "2", die="1:3")
    assert ended.returncode != 0 and "SIGKILL" in ended.stderr
    assert checkpoint.load(tmp_path / "two" / "last.safetensors")[1]["step"] == 2
    again = trained(frames, tmp_path / "two", 2, *options, "--accumulate", "2")
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("wrote ") == 1  # one process speaks
    alone = trained(frames, tmp_path / "one", 1, *options)
    assert alone.returncode == 0, alone.stderr
    ours, theirs = (checkpoint.load(tmp_path / name / "model.safetensors")[0] for name in ("two", "one"))
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert (ours[name] - tensor).abs().max() < 1e-5, name
    assert terms(tmp_path / "two") == pytest.approx(terms(tmp_path / "one"), abs=1.1e-5)
    assert len(terms(tmp_path / "two")) == 2 * STEPS // 2


def test_batch_norm_sees_the_batches_of_all(frames: Path, tmp_path: Path) -> None:
    """The losses of the first steps. Later AdamW makes whole steps of rounding errors, where a gradient is zero."""
    options = ("tiny_small", "--steps", "2", "--precision", "float32")
    for ranks in (2, 1):
        run = trained(frames, tmp_path / str(ranks), ranks, *options)
        assert run.returncode == 0, run.stderr
    assert terms(tmp_path / "2") == pytest.approx(terms(tmp_path / "1"), abs=1.1e-5) and len(terms(tmp_path / "2")) == 3
