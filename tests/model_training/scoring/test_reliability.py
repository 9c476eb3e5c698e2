"""Reliability: which answers count, which are right, and the curve, by hand."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from model_training.paper.reliability_figure import reliability_figure
from model_training.scoring.reliability import FEWEST, Claim, claims, curve, found_and_right
from refseg_ros.answer import NO_BOX, Answer, Evidence, Verdict

EVIDENCE = Evidence(presence=2.0, strength=0.8, sharpness=0.5, size=-3.0)


def answer(verdict: Verdict, *filled: int) -> Answer:
    mask = np.zeros((1, 10), np.uint8)
    mask[0, list(filled)] = 255
    return Answer(text="the mug", verdict=verdict, score=0.7, mask=mask, box=NO_BOX, evidence=EVIDENCE)


def claim(score: float, right: bool) -> Claim:
    return Claim(score, True, right, True, EVIDENCE)


def truth(*filled: int) -> np.ndarray:
    there = np.zeros((1, 10), bool)
    there[0, list(filled)] = True
    return there


@pytest.mark.parametrize(("verdict", "found"), [(Verdict.FOUND, True), (Verdict.UNCERTAIN, False)])
def test_right_is_a_thing_that_is_there_with_a_mask_of_half_its_union(verdict: Verdict, found: bool) -> None:
    assert claims(answer(verdict, 0, 1), truth(0)) == [Claim(0.7, found, True, True, EVIDENCE)]
    assert claims(answer(verdict, 0, 1, 2), truth(0)) == [Claim(0.7, found, False, True, EVIDENCE)]
    assert claims(answer(verdict, 0, 1), truth()) == [Claim(0.7, found, False, False, EVIDENCE)]
    assert claims(answer(verdict), truth()) == [Claim(0.7, found, False, False, EVIDENCE)]


@pytest.mark.parametrize("verdict", [Verdict.NOT_FOUND, Verdict.NOT_UNDERSTOOD])
def test_who_says_that_there_is_none_claims_nothing(verdict: Verdict) -> None:
    assert claims(answer(verdict), truth(0)) == []


def test_the_share_is_that_of_found_answers() -> None:
    made = [claim(0.9, True), claim(0.9, False), claim(0.4, False)._replace(found=False)]
    assert found_and_right(made) == 0.5
    assert math.isnan(found_and_right(made[2:]))


def test_the_curve_of_a_model_that_is_as_right_as_sure_is_the_diagonal() -> None:
    rng = np.random.default_rng(0)
    made = [claim(score, bool(rng.random() < score)) for score in rng.random(20_000)]
    means, shares, counts = curve(made)
    assert len(means) == 10 and counts.sum() == len(made)
    assert np.allclose(means, np.arange(0.05, 1, 0.1), atol=0.01) and np.abs(means - shares).max() < 0.05
    assert [len(part) for part in curve(made[: FEWEST - 1])] == [0, 0, 0]
    assert [len(part) for part in curve([])] == [0, 0, 0]


def test_the_figure_has_a_line_for_each_set(tmp_path: Path) -> None:
    made = [claim(0.1 * step + 0.05, step > 4) for step in range(10) for _ in range(FEWEST)]
    for count in (1, 2):
        reliability_figure({f"set {index}": made[index:] for index in range(count)}, 0.8, tmp_path / f"{count}.png")
    one, two = (cv2.imread(str(tmp_path / f"{count}.png")) for count in (1, 2))
    blue, orange = (np.array(colour[::-1]) for colour in ((31, 119, 180), (255, 127, 14)))  # Matplotlib's first two
    assert one.shape == two.shape and one.shape[0] > 400

    def drawn(picture: np.ndarray, colour: np.ndarray) -> int:
        return int((np.abs(picture.astype(int) - colour).max(-1) < 8).sum())

    assert drawn(one, blue) > 200 and drawn(one, orange) == 0 and drawn(two, orange) > 200
