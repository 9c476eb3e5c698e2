"""Scoring a bundle: the figures by hand, and the command on a real bundle and real scenes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from model_training import evaluate
from model_training.evaluate import Evaluation, Findings
from refseg_ros import Segmenter
from refseg_ros.engines.bundle import Bundle

EXPRESSIONS = 12


def pixels(*filled: int) -> np.ndarray:
    mask = np.zeros(10, bool)
    mask[list(filled)] = True
    return mask


def test_the_figures_by_hand() -> None:
    findings = Findings()
    findings.kinds["colour"].add(pixels(0, 1, 2), pixels(0, 1, 2))
    findings.kinds["colour"].add(pixels(0), pixels(0, 1))
    findings.kinds["motion"].add(pixels(), pixels(4, 5))
    findings.shown["constant"].add(pixels(0), pixels(0, 1, 2, 3))
    findings.shown["clip"].add(pixels(4, 5), pixels(4, 5))
    findings.shown["still"].add(pixels(4), pixels(4, 5))
    findings.kept += [True, True, False]
    findings.told["thing"] = [True, True, False, True]
    findings.told["anchor"] = [False]
    findings.swapped += [True, False]
    assert findings.figures() == {
        "overall IoU": 0.5714,
        "mean IoU": 0.5,
        "P@0.5": 0.6667,
        "P@0.6": 0.3333,
        "P@0.7": 0.3333,
        "P@0.8": 0.3333,
        "P@0.9": 0.3333,
        "mean IoU, colour": 0.75,
        "mean IoU, motion": 0.0,
        "present called absent": 0.3333,
        "absent told": 0.6,
        "absent told, no such anchor": 0.0,
        "absent told, no such thing": 0.75,
        "control: anchor swapped, absent told": 0.5,
        "control: constant expression, mean IoU": 0.25,
        "motion, clip minus one frame, mean IoU": 0.5,
        "expressions": 8.0,
    }


def test_what_was_not_asked_has_no_figure() -> None:
    assert Findings().figures() == {"expressions": 0.0}


@pytest.fixture
def bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A copy that may be written to."""
    return Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))


def test_the_command_keeps_its_figures_in_the_manifest(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = Bundle.load(bundle).manifest
    options = ["--bundle", str(bundle), "--seed", "3", "--expressions", str(EXPRESSIONS), "--split", "train"]
    assert evaluate.main(options) == 0
    printed = dict(line.rsplit(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert Bundle.load(bundle).manifest == before
    assert evaluate.main([*options, "--write"]) == 0
    again = dict(line.rsplit(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert again == printed and printed["expressions"] == str(EXPRESSIONS)
    metrics = Segmenter(bundle, threads=1).manifest.metrics
    assert list(metrics) == [f"evaluate --split train --seed 3 --expressions {EXPRESSIONS}"]
    (figures,) = metrics.values()
    assert {name: f"{value:g}" for name, value in figures.items()} == printed
    assert {"overall IoU", "present called absent", "control: constant expression, mean IoU"} <= figures.keys()


def test_every_expression_is_counted_once(tiny_bundle: Path) -> None:
    findings = Evaluation(tiny_bundle, "held_out", seed=0).run(EXPRESSIONS)
    present, absent = len(findings.kept), sum(map(len, findings.told.values()))
    assert present + absent == EXPRESSIONS and present == sum(map(len, findings.kinds.values()))
    assert len(findings.shown["constant"]) == present
    assert len(findings.shown["clip"]) == len(findings.shown["still"]) == len(findings.kinds["motion"])


def test_a_missing_bundle_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main(["--bundle", str(tmp_path / "nowhere")]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ") and "nowhere" in message and message.count("\n") == 1
