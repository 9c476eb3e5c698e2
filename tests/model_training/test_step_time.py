"""The command that times steps: what it prints, with data and without, and what it refuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from benchmarks import step_time
from tests.model_training import folder


def test_a_step_is_timed_with_and_without_its_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = folder.write_folder(tmp_path)
    options = ["--device", "cpu", "--blocks", "1", "--steps", "2"]
    assert step_time.main(["--config", "tiny_small", "--data", str(frames), "--workers", "1", *options]) == 0
    told = capsys.readouterr().out
    cached, made, ratio = (
        float(re.search(pattern, told)[1])
        for pattern in (r"cached batch (\S+) s", r"1 workers (\S+) s", r"data over cached: (\S+)")
    )
    assert ratio == pytest.approx(made / cached, rel=0.2) and 0 < float(re.search(r"memory (\S+) GB", told)[1]) < 20
    assert step_time.main(["--config", "tiny_paper", "--batch", "1", *options]) == 0
    told = capsys.readouterr().out
    assert told.startswith("tiny_paper: 64x48, 1 frames x 1 expressions, float32") and "first step" in told


def test_a_compiled_step_is_named_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    with torch.compiler.set_stance("force_eager"):  # to compile takes minutes on two cores
        options = ["--config", "tiny_paper", "--batch", "1", "--device", "cpu", "--steps", "1", "--compile"]
        assert step_time.main(options) == 0
    told = capsys.readouterr().out
    assert "threads, compiled\n" in told and "first step" in told


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--config", "tabletop"], "error: tabletop learns simulated scenes; choose a configuration of data sets"),
        (["--steps", "0"], "error: --steps is 0; it must be at least 1"),
        (["--data", "nowhere"], "error: nowhere: there is no such folder"),
    ],
)
def test_nonsense_is_refused(options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert step_time.main(options) == 2
    assert capsys.readouterr().err.strip() == message
