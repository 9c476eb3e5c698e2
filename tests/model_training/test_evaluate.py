"""Scoring a bundle: the command on a real bundle and real scenes."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from model_training import evaluate
from model_training.scoring.findings import Findings
from model_training.scoring.scenes import HEIGHT, WIDTH, Evaluation, things_of
from refseg_ros import Segmenter
from refseg_ros.engines.bundle import Bundle
from refseg_ros.simulation.scans import ScanSet
from refseg_ros.simulation.tabletop import Tabletop
from tests.model_training.datasets.writers import write_referit
from tests.model_training.folder import write_folder
from tests.simulation import mesh_writers

EXPRESSIONS = 12


@pytest.fixture
def bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A copy that may be written to."""
    return Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))


def test_the_command_keeps_its_figures_in_the_manifest(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = Bundle.load(bundle).manifest
    options = ["--bundle", str(bundle), "--seed", "3", "--expressions", str(EXPRESSIONS), "--split", "train"]
    assert evaluate.main(options) == 0
    printed = capsys.readouterr().out
    assert Bundle.load(bundle).manifest == before
    assert evaluate.main([*options, "--write"]) == 0
    assert capsys.readouterr().out == printed
    metrics = Segmenter(bundle, threads=1).manifest.metrics
    command = f"evaluate --split train --seed 3 --expressions {EXPRESSIONS}"
    assert list(metrics) == [command, f"{command}, 95 %"]
    figures, spread = metrics.values()
    assert {"overall IoU", "present called absent", "control: constant expression, mean IoU"} <= figures.keys()
    assert figures.keys() == spread.keys() | {"expressions"} and figures["expressions"] == EXPRESSIONS
    for line, (name, value) in zip(printed.splitlines(), figures.items(), strict=True):
        shown = line.removeprefix(name).split()
        assert shown[0] == f"{value:g}" and line.startswith(name)
        if name in spread:
            low, high = spread[name]
            assert low <= high and shown[1:] == [f"{low:.2f}", "to", f"{high:.2f}"]


def test_every_expression_is_counted_once(tiny_bundle: Path) -> None:
    evaluation = Evaluation(tiny_bundle, "held_out", seed=0)
    thresholds = evaluation.segmenter.thresholds
    scenes = evaluation.run(EXPRESSIONS)
    assert len(scenes) > 1 and evaluation.segmenter.thresholds == thresholds
    findings = Findings.merged(scenes)
    present, absent = len(findings.kept), sum(map(len, findings.told.values()))
    assert present + absent == EXPRESSIONS and present == sum(map(len, findings.kinds.values()))
    assert len(findings.shown["constant"]) == present
    assert len(findings.shown["clip"]) == len(findings.shown["still"]) == len(findings.kinds["motion"])


def test_meshes_on_the_table_are_named_as_the_folder_has_them(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    objects = mesh_writers.kitchen(tmp_path / "kitchen")
    options = ["--bundle", str(tiny_bundle), "--objects", str(objects), "--expressions", str(EXPRESSIONS)]
    assert evaluate.main(options) == 0
    assert capsys.readouterr().out.split()[-2:] == ["expressions", str(EXPRESSIONS)]
    evaluation = Evaluation(tiny_bundle, "train", 0, objects=ScanSet.load(objects))
    with Tabletop(WIDTH, HEIGHT, evaluation.objects) as tabletop:
        tabletop.reset(3, "train", moving=False)
        frame = tabletop.render(depth=False)
    said = {word for phrase in evaluation.offered(frame, np.random.default_rng(0)) for word in phrase.text.split()}
    assert said & {"box", "can", "ball"} and not said & {"mug", "hammer", "goblet"}


def test_the_split_of_meshes_is_what_the_folder_marks(tmp_path: Path) -> None:
    scans = ScanSet.load(mesh_writers.kitchen(tmp_path / "kitchen")).scans
    marked = ScanSet((dataclasses.replace(scans[0], held_out=True), *scans[1:]))
    assert things_of(marked, "held_out").scans == marked.scans[:1]
    assert things_of(marked, "train").scans == marked.scans[1:]
    assert things_of(ScanSet(scans), "held_out").scans == scans


def test_real_pictures_are_scored_by_their_verdicts(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three of the four pictures are for training; each has three boxes that are there and one that is not."""
    frames, picture = write_folder(tmp_path / "own"), tmp_path / "reliability.png"
    options = ["--bundle", str(bundle), "--real", str(frames), "--reliability", str(picture)]
    assert evaluate.main([*options, "--set", "train", "--set", "val"]) == 0
    assert "present 12, absent 4, " in capsys.readouterr().out
    assert cv2.imread(str(picture)).shape[2] == 3
    assert evaluate.main([*options, "--write"]) == 0
    ((command, figures),) = Bundle.load(bundle).manifest.metrics.items()
    assert command.startswith("evaluate --real ") and (figures["present"], figures["absent"]) == (3, 1)
    printed = capsys.readouterr().out
    assert all(f"{name} {value:g}" in printed for name, value in figures.items())


def test_results_of_folders_of_one_name_are_kept_apart(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []
    monkeypatch.setattr(evaluate, "reliability_figure", lambda sets, found, path: drawn.extend(sets))
    folders = [write_folder(tmp_path / parent / "frames", images=4 + index) for index, parent in enumerate("ab")]
    asked = [option for folder in folders for option in ("--real", str(folder))]
    assert evaluate.main(["--bundle", str(bundle), *asked, "--reliability", "x.png", "--write"]) == 0
    names = [f"own frames of frames ({parent}/frames)" for parent in "ab"]
    assert drawn == [f"{name}, val" for name in names]
    assert list(Bundle.load(bundle).manifest.metrics) == [f"evaluate --real {name}" for name in names]
    assert [line.partition(": ")[0] for line in capsys.readouterr().out.splitlines()] == drawn
    assert evaluate.main(["--bundle", str(bundle), *asked[:2], *asked[:2]]) == 2
    assert "is given twice" in capsys.readouterr().err


def test_training_data_is_scored_under_that_name(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = write_folder(tmp_path / "own", images=2)
    table = frames / "expressions.csv"
    table.write_text(table.read_text().replace(",val", ",train"))
    for option in ("--real", "--data"):
        assert evaluate.main(["--bundle", str(bundle), option, str(frames)]) == 0
        assert capsys.readouterr().out.startswith("own frames of own, train (training data)")


def test_of_referit_only_the_test_is_scored_unless_more_is_asked_for(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_referit(tmp_path / "referit")
    asked = ["--bundle", str(bundle), "--data", str(data)]
    assert evaluate.main(asked) == 0
    out = capsys.readouterr().out
    assert out.startswith("Table 6: ReferIt\n") and "| test |" in out and "| trainval |" not in out
    assert evaluate.main([*asked, "--set", "trainval", "--set", "test"]) == 0
    assert capsys.readouterr().out.startswith("Table 6: ReferIt, trainval (training data)\n")


def test_a_split_that_one_of_several_folders_lacks_is_told_before_anything_is_scored(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [write_folder(tmp_path / name) for name in ("whole", "of_training")]
    (table,) = folders[1].glob("*.csv")
    table.write_text(table.read_text().replace(",val", ",train"))
    options = [option for folder in folders for option in ("--real", str(folder))]
    assert evaluate.main(["--bundle", str(bundle), *options, "--set", "val"]) == 2
    told = capsys.readouterr()
    assert "of_training" in told.err and "has no split 'val'; it has train" in told.err and "present" not in told.out


def test_a_missing_bundle_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main(["--bundle", str(tmp_path / "nowhere")]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ") and "nowhere" in message and message.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--outlines", "dense_crf"), "--outlines dense_crf needs --data"),
        (("--expressions", "0"), "--expressions must"),
        (("--set", "testA"), "--set has no effect without --data"),
        (("--images", "/coco"), "--images has no effect without --data"),
        (("--stride", "3"), "--stride has no effect without --data"),
        (("--processes", "8"), "--processes has no effect without --data"),
        (("--data", "/nowhere", "--split", "train"), "--split has no effect with --data"),
        (("--real", "/nowhere", "--split", "train"), "--split has no effect with --real"),
        (("--real", "/nowhere", "--outlines", "dense_crf"), "--outlines has no effect with --real"),
        (("--real", "/nowhere", "--data", "/nowhere"), "--data and --real are scored apart"),
        (("--data", "/nowhere", "--reliability", "x.png"), "--reliability has no effect with --data"),
        (("--data", "/nowhere", "--seed", "7"), "--seed has no effect with --data"),
        (("--data", "/nowhere", "--expressions", "9"), "--expressions has no effect with --data"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(
    options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate.main(options) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {message}") and error.count("\n") == 1
