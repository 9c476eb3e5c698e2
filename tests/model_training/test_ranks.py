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


def check_same(ours: Path, theirs: Path) -> None:
    weights, expected = (checkpoint.load(out / "model.safetensors")[0] for out in (ours, theirs))
    assert weights.keys() == expected.keys()
    for name, tensor in expected.items():
        assert (weights[name] - tensor).abs().max() < 1e-5, name
    terms = [
        [float(cell.split("=")[1]) for row in (out / "log.csv").read_text().splitlines() for cell in row.split(",")[2:]]
        for out in (ours, theirs)
    ]
    assert terms[0] == pytest.approx(terms[1], abs=1.1e-5) and len(terms[0]) >= STEPS


def test_a_killed_process_ends_the_job_and_two_give_what_one_gives(frames: Path, tmp_path: Path) -> None:
    """With batch norm in training, and gone on from a checkpoint in the middle."""
    options = ("tiny_small", "--steps", str(STEPS), "--precision", "float32")
    ended = trained(frames, tmp_path / "two", 2, *options, die="1:3")
    assert ended.returncode != 0 and "SIGKILL" in ended.stderr
    assert checkpoint.load(tmp_path / "two" / "last.safetensors")[1]["step"] == 2
    again = trained(frames, tmp_path / "two", 2, *options)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("wrote ") == 1  # one process speaks
    alone = trained(frames, tmp_path / "one", 1, *options)
    assert alone.returncode == 0, alone.stderr
    check_same(tmp_path / "two", tmp_path / "one")


def test_two_processes_with_parts_give_what_one_gives_with_the_paper_s_recipe(frames: Path, tmp_path: Path) -> None:
    options = ("tiny_paper", "--steps", str(STEPS))
    together = trained(frames, tmp_path / "two", 2, *options, "--accumulate", "2")
    assert together.returncode == 0, together.stderr
    alone = trained(frames, tmp_path / "one", 1, *options)
    assert alone.returncode == 0, alone.stderr
    check_same(tmp_path / "two", tmp_path / "one")
