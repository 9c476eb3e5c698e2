"""Verdicts and certainty: learned from answers made up for it, and chosen for a real bundle."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from model_training import calibrate
from model_training.calibrate import ACCEPTED, FOUND, calibrated
from model_training.scoring.reliability import Claim
from refseg_ros import Segmenter
from refseg_ros.answer import Evidence, Verdict, probability, score_of
from refseg_ros.engines.bundle import MANIFEST, TABLETOP, Bundle
from refseg_ros.engines.manifest import Certainty
from tests.model_training import folder as own_frames


def claims_of(weights: Certainty, count: int, seed: int = 0) -> list[Claim]:
    """Claims that are right as often as the weights say; half of the others are about what is not there."""
    rng, claims = np.random.default_rng(seed), []
    for _ in range(count):
        evidence = Evidence(float(rng.normal(0, 4)), *map(float, rng.random(2)), float(rng.uniform(-9, -1)))
        right = bool(rng.random() < score_of(evidence, weights))
        claims.append(Claim(0.0, True, right, right or bool(rng.random() < 0.5), evidence))
    return claims


def test_the_weights_are_found_again_whatever_the_sizes_of_the_sets() -> None:
    true = Certainty(bias=-1.0, presence=0.3, strength=4.0, sharpness=2.0, size=0.6)
    thresholds, certainty = calibrated([claims_of(true, 30_000), claims_of(true, 10_000, seed=1)], mask=0.4)
    assert dataclasses.astuple(certainty) == pytest.approx(dataclasses.astuple(true), abs=0.25, rel=0.1)
    assert (thresholds.mask, thresholds.found) == (0.4, FOUND)


def test_each_set_has_the_same_say() -> None:
    """A set that is always right and a tenth as large outweighs nothing and is outweighed by nothing."""
    one, other = claims_of(Certainty(), 200), claims_of(Certainty(bias=1.0), 2000)
    alone = calibrated([one * 10, other], mask=0.4)[1]
    assert dataclasses.astuple(calibrated([one, other], mask=0.4)[1]) == pytest.approx(
        dataclasses.astuple(alone), abs=1e-3
    )


def test_the_accepted_share_of_what_is_there_is_called_absent() -> None:
    claims = claims_of(Certainty(), 5000)
    present = np.array([probability(claim.evidence.presence) for claim in claims if claim.there])
    absent = calibrated([claims], mask=0.4)[0].absent
    assert np.mean(present < absent) == pytest.approx(ACCEPTED, abs=2e-3)


def test_evidence_that_decides_everything_gets_finite_weights() -> None:
    claims = [claim._replace(right=claim.evidence.strength > 0.5) for claim in claims_of(Certainty(), 500)]
    certainty = calibrated([claims], mask=0.4)[1]
    assert 5 < certainty.strength < 100
    assert all(
        (score_of(claim.evidence, certainty) > 0.5) == claim.right
        for claim in claims
        if abs(claim.evidence.strength - 0.5) > 0.1
    )


def test_what_teaches_nothing_is_refused() -> None:
    claims = claims_of(Certainty(), 50)
    with pytest.raises(ValueError, match="about what is there"):
        calibrated([[claim._replace(there=False, right=False) for claim in claims]], mask=0.4)
    with pytest.raises(ValueError, match="all 50 answers are right"):
        calibrated([[claim._replace(there=True, right=True) for claim in claims]], mask=0.4)


def test_on_real_pictures_it_is_what_they_say(
    bundle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, frames = (
        Path(shutil.copytree(bundle_folder, tmp_path / "bundle")),
        own_frames.write_folder(tmp_path / "own"),
    )
    listed = frames / "expressions.csv"
    listed.write_text(listed.read_text().replace("box", "mug"))  # a word that the bundle knows
    before = Bundle.load(bundle).manifest
    assert calibrate.main([str(bundle), "--set", "train"]) == 2
    assert "--set has no effect without --real" in capsys.readouterr().err
    assert calibrate.main([str(bundle), "--real", str(frames), "--set", "train"]) == 0
    after = Bundle.load(bundle).manifest
    assert after.certainty.strength > 0 and after.certainty != before.certainty
    told = capsys.readouterr().out
    assert told.startswith("own frames of own, train (training data): 12 answers to learn from\n")
    assert "100.0% of what is called found is right" in told
    segmenter, rgb = Segmenter(bundle), cv2.imread(str(frames / "images" / "3.png"))[..., ::-1]
    answers = segmenter.stream()
    answers.observe(rgb, 0.0)
    red, yellow = answers.answer(["the red mug", "the yellow mug"])
    assert red.verdict is Verdict.FOUND and red.score > 0.5 > yellow.score


def test_the_command_changes_verdicts_and_certainty_and_removes_figures_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(calibrate, "EXPRESSIONS", 60)
    folder = Path(shutil.copytree(TABLETOP, tmp_path / "bundle"))
    before = Bundle.load(folder).manifest
    assert calibrate.main([str(folder)]) == 0
    after = Bundle.load(folder).manifest
    assert after.thresholds.mask == before.thresholds.mask and after.certainty != before.certainty
    assert before.metrics and not after.metrics
    kept = {name: getattr(before, name) for name in ("thresholds", "certainty", "metrics")}
    assert dataclasses.replace(after, **kept) == before
    told = [line for line in capsys.readouterr().err.splitlines() if MANIFEST in line]
    assert len(told) == 1 and "were measured with other thresholds and are removed; run quantize again" in told[0]
    assert calibrate.main([str(tmp_path / "nowhere")]) == 2


def test_figures_stay_where_verdicts_and_certainty_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(shutil.copytree(TABLETOP, tmp_path / "bundle"))
    before = Bundle.load(folder).manifest
    assert calibrate.main([str(folder), "--like", "tabletop"]) == 0
    assert Bundle.load(folder).manifest == before and before.metrics
    assert not capsys.readouterr().err


def test_a_model_that_went_on_is_as_sure_as_the_one_before(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))
    before, like = Bundle.load(bundle).manifest, Bundle.load(TABLETOP).manifest
    assert calibrate.main([str(bundle), "--like", str(TABLETOP), "--real", "frames"]) == 2
    assert "--real has no effect with --like" in capsys.readouterr().err
    assert calibrate.main([str(bundle), "--like", "tabletop"]) == 0
    after = Bundle.load(bundle).manifest
    assert (after.thresholds, after.certainty) == (like.thresholds, like.certainty)
    assert after == dataclasses.replace(before, thresholds=like.thresholds, certainty=like.certainty)


def test_what_has_an_unknown_word_is_not_reported_as_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the robot has it: whatever its score, "the shiny red block" may be another one."""
    folder = Path(shutil.copytree(TABLETOP, tmp_path / "bundle"))
    frames = own_frames.write_folder(tmp_path / "own")
    listed = frames / "expressions.csv"
    listed.write_text(listed.read_text().replace("the ", "the shiny ").replace("box", "block"))
    assert calibrate.main([str(folder), "--real", str(frames), "--set", "train"]) == 0
    assert "0.0% of the right answers is called found" in capsys.readouterr().out.splitlines()


def test_a_model_that_is_never_right_is_refused(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = own_frames.write_folder(tmp_path / "own")
    listed = frames / "expressions.csv"
    listed.write_text(listed.read_text().replace("box", "block"))
    before = (tiny_bundle / MANIFEST).read_bytes()
    assert calibrate.main([str(tiny_bundle), "--real", str(frames), "--set", "train"]) == 2
    assert "none of the 12 answers is right; train it first" in capsys.readouterr().err
    assert (tiny_bundle / MANIFEST).read_bytes() == before
