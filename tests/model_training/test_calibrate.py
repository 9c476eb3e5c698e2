"""The presence threshold: by hand, and chosen for a real bundle."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from model_training import calibrate
from model_training.calibrate import ACCEPTED, UNCLEAR, WRONGLY_FOUND, real_thresholds_for, thresholds_for
from model_training.scoring.reliability import Claim
from refseg_ros.engines.bundle import Bundle
from tests.model_training import folder as own_frames


def test_the_accepted_share_of_present_things_lies_below_the_band() -> None:
    scores = np.random.default_rng(0).uniform(0, 1, 1000)
    chosen = thresholds_for(list(scores), mask=0.4)
    assert chosen.mask == 0.4
    assert np.mean(scores < chosen.presence - chosen.uncertain) == pytest.approx(ACCEPTED, abs=2e-3)


def test_scores_near_one_leave_a_threshold_that_a_manifest_takes() -> None:
    chosen = thresholds_for([0.99] * 50, mask=0.5)
    assert chosen.presence == 1.0 and chosen.presence - chosen.uncertain < 0.99


def test_in_real_pictures_both_mistakes_have_their_share() -> None:
    """Scores that overlap: what lies between the two shares is UNCERTAIN. Scores that do not: nothing is."""
    rng = np.random.default_rng(0)
    present, absent = rng.uniform(0.3, 1, 2000), rng.uniform(0, 0.8, 2000)
    chosen = real_thresholds_for(list(present), list(absent), [], mask=0.4)
    assert np.mean(present < chosen.presence - chosen.uncertain) == pytest.approx(ACCEPTED, abs=2e-3)
    assert np.mean(absent >= chosen.presence + chosen.uncertain) == pytest.approx(WRONGLY_FOUND, abs=2e-3)
    apart = real_thresholds_for([0.9, 0.95], [0.1, 0.2], [], mask=0.4)
    assert apart.uncertain == 0 and 0.2 < apart.presence < 0.9 and apart.mask_score == 0
    with pytest.raises(ValueError, match="fit nothing"):
        real_thresholds_for([0.9], [], [], mask=0.4)


def test_of_right_answers_the_least_clear_become_uncertain() -> None:
    """Neither wrong answers nor those that are not FOUND by their score have a say."""
    rng = np.random.default_rng(0)
    right = [Claim(0.9, True, True, float(score)) for score in rng.uniform(0.6, 1, 1000)]
    others = [Claim(0.9, True, False, 0.1), Claim(0.3, True, True, 0.2)] * 100
    chosen = real_thresholds_for([0.8] * 20, [0.5] * 20, right + others, mask=0.4)
    assert np.mean([claim.mask_score < chosen.mask_score for claim in right]) == pytest.approx(UNCLEAR, abs=2e-3)


def test_on_real_pictures_it_is_what_they_say(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, frames = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle")), own_frames.write_folder(tmp_path / "own")
    listed = frames / "expressions.csv"
    listed.write_text(listed.read_text().replace("box", "block"))  # a word that the bundle knows
    before = Bundle.load(bundle).manifest
    assert calibrate.main([str(bundle), "--set", "train"]) == 2
    assert "--set has no effect without --real" in capsys.readouterr().err
    assert calibrate.main([str(bundle), "--real", str(frames), "--set", "train"]) == 0
    after = Bundle.load(bundle).manifest
    assert after.thresholds != before.thresholds
    assert f"presence {after.thresholds.presence:g}, " in capsys.readouterr().out


def test_the_command_changes_the_presence_threshold_alone(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrate, "EXPRESSIONS", 12)
    folder = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))
    before = Bundle.load(folder).manifest
    assert calibrate.main([str(folder)]) == 0
    after = Bundle.load(folder).manifest
    assert after.thresholds != before.thresholds and after.thresholds.mask == before.thresholds.mask
    assert dataclasses.replace(after, thresholds=before.thresholds) == before
    assert calibrate.main([str(tmp_path / "nowhere")]) == 2
