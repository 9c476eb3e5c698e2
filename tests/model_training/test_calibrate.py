"""The presence threshold: by hand, and chosen for a real bundle."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from model_training import calibrate
from model_training.calibrate import ACCEPTED, thresholds_for
from refseg_ros.engines.bundle import Bundle


def test_the_accepted_share_of_present_things_lies_below_the_band() -> None:
    scores = np.random.default_rng(0).uniform(0, 1, 1000)
    chosen = thresholds_for(list(scores), mask=0.4)
    assert chosen.mask == 0.4
    assert np.mean(scores < chosen.presence - chosen.uncertain) == pytest.approx(ACCEPTED, abs=2e-3)


def test_scores_near_one_leave_a_threshold_that_a_manifest_takes() -> None:
    chosen = thresholds_for([0.99] * 50, mask=0.5)
    assert chosen.presence == 1.0 and chosen.presence - chosen.uncertain < 0.99


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
