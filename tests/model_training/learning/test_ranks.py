"""Several processes that train one network, started by torchrun on this machine: real ones, over gloo."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_training import train
from model_training.learning import checkpoint
from tests.model_training import folder

ROOT = Path(__file__).parents[3]
STEPS = 6
LAUNCHED = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder.write_folder(tmp_path_factory.mktemp("frames"))


@pytest.fixture(scope="module", autouse=True)
def often() -> Iterator[None]:
    """Save and log as often as train_tiny.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "SAVE_EVERY", 2)
        patch.setattr(train, "LOG_EVERY", 2)
        yield


def arguments(data: Path, out: Path, config: str, *more: str) -> list[str]:
    options = ["--config", config, "--data", str(data), "--out", str(out), "--workers", "0", "--device", "cpu"]
    return [*options, "--batch", "4", *more]


def trained_by_two(data: Path, out: Path, config: str, *more: str, die: str = "") -> subprocess.CompletedProcess[str]:
    """A run of the command by two processes, to its end."""
    command = [*LAUNCHED, "-m", "tests.model_training.train_tiny", *arguments(data, out, config, *more)]
    environment = os.environ | ({"DIE": die} if die else {})
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900)


def trained_alone(data: Path, out: Path, config: str, *more: str) -> None:
    """The same by this process."""
    assert train.main(arguments(data, out, config, *more)) == 0


def terms(out: Path) -> list[float]:
    """All that a run has in its log."""
    rows = [row.split(",")[2:] for row in (out / "log.csv").read_text().splitlines()]
    return [float(cell.split("=")[1]) for row in rows for cell in row]


def test_a_killed_process_ends_the_job_and_two_give_what_one_gives(frames: Path, tmp_path: Path) -> None:
    """By the paper's recipe, on batches in two parts, gone on from a checkpoint in the middle."""
    options = ("tiny_paper", "--steps", str(STEPS))
    ended = trained_by_two(frames, tmp_path / "two", *options, "--accumulate", "2", die="1:3")
    assert ended.returncode != 0 and "SIGKILL" in ended.stderr
    assert checkpoint.load(tmp_path / "two" / "last.safetensors")[1]["step"] == 2
    again = trained_by_two(frames, tmp_path / "two", *options, "--accumulate", "2")
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("wrote ") == 1  # one process speaks
    trained_alone(frames, tmp_path / "one", *options)
    ours, theirs = (checkpoint.load(tmp_path / name / "model.safetensors")[0] for name in ("two", "one"))
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        difference = (ours[name] - tensor).abs()
        if name.endswith("project.bias"):
            # All queries of a softmax share theirs, so it has no gradient, and Adam makes steps of rounding errors.
            queries, difference = difference.chunk(2)
            assert queries.max() < 5e-5, name
        assert difference.max() < 1e-5, name
    assert terms(tmp_path / "two") == pytest.approx(terms(tmp_path / "one"), abs=1.1e-5)
    assert len(terms(tmp_path / "two")) == 2 * STEPS // 2


def test_two_learn_simulated_scenes_as_one_does(tmp_path: Path, data: Path) -> None:
    """Both phases; in the first, batch norm sees the batches of both. The two render into one empty folder.

    Only the first steps: later AdamW makes whole steps of rounding errors, where a gradient is zero.
    """
    options = ("tiny", "--steps", "2", "--precision", "float32")
    run = trained_by_two(tmp_path / "data", tmp_path / "two", *options, "--workers", "1")
    assert run.returncode == 0, run.stderr
    trained_alone(data, tmp_path / "one", *options)
    assert all(".part" not in path.name for path in (tmp_path / "data").iterdir())
    assert terms(tmp_path / "two") == pytest.approx(terms(tmp_path / "one"), abs=1e-4)
    assert len(terms(tmp_path / "two")) == 1 + 6  # dense labels, then those and all others


def test_two_that_have_other_data_are_refused(frames: Path, tmp_path: Path) -> None:
    """As on two machines, of which one has an older copy."""
    older = Path(shutil.copytree(frames, tmp_path / "1"))
    (tmp_path / "0").symlink_to(frames)
    table = older / "expressions.csv"
    table.write_text(table.read_text().replace("0.png,the red box,0-red.png", "0.png,the red box,0-blue.png"))
    options = arguments(Path("$RANK"), tmp_path / "out", "tiny_small")
    asked = f"exec {sys.executable} -m tests.model_training.train_tiny {' '.join(options)}"
    command = [*LAUNCHED, "--no-python", "bash", "-c", asked.replace("$RANK", f"{tmp_path}/$RANK")]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert run.returncode != 0
    assert run.stderr.count("error: the processes do not learn the same; give all of them the same data and") == 2
    assert not (tmp_path / "out").exists()
