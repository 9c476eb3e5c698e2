from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refseg_ros.answer import Answer, Box, Evidence, Verdict, conclude, likeliest_part, not_understood
from refseg_ros.engines.manifest import Certainty, Thresholds
from refseg_ros.engines.network import Outcome
from refseg_ros.expression import Vocabulary
from refseg_ros.geometry import Letterbox

VOCABULARY = Vocabulary(["red", "mug", "the"])
LETTERBOX = Letterbox.fit(480, 640, 144, 192)
THRESHOLDS = Thresholds(mask=0.5, absent=0.35, found=0.65)
PRESENCE = Certainty()
TEXT = "the red mug please"
FAINT = np.full((36, 48), 0.1, np.float32)
"""Logits of a mask that is everywhere, and hardly likely anywhere."""


def logits_of(box: Box) -> np.ndarray:
    """(36, 48) logits: 5 inside a box in cells, -5 outside."""
    logits = np.full((36, 48), -5, np.float32)
    logits[box.y : box.y + box.height, box.x : box.x + box.width] = 5
    return logits


def answer(
    logits: np.ndarray, presence: float, thresholds: Thresholds = THRESHOLDS, certainty: Certainty = PRESENCE
) -> Answer:
    attention = np.arange(12, dtype=np.float32).reshape(2, 6)
    encoded = VOCABULARY.encode(TEXT, 6)
    return conclude(TEXT, encoded, Outcome(logits, presence, attention), LETTERBOX, thresholds, certainty)


def test_verdicts_have_a_label_for_people():
    assert [verdict.label for verdict in Verdict] == ["found", "not found", "uncertain", "not understood", "stale"]


def test_a_thing_that_is_there():
    given_answer = answer(logits_of(Box(12, 9, 6, 3)), 4.0)
    assert given_answer.verdict is Verdict.FOUND and given_answer.score == pytest.approx(1 / (1 + np.exp(-4)))
    assert given_answer.mask.shape == (480, 640) and given_answer.mask.dtype == np.uint8
    assert set(np.unique(given_answer.mask)) == {0, 255}
    scale = 640 / 48
    assert np.abs(np.array(given_answer.box) - np.array([12, 9, 6, 3]) * scale).max() <= 1.5
    assert all(type(value) is int for value in given_answer.box)


def test_words_are_reported_with_their_attention():
    given_answer = answer(logits_of(Box(0, 0, 2, 2)), 4.0)
    assert given_answer.text == TEXT and given_answer.words == ("the", "red", "mug")
    assert given_answer.unknown_words == ("please",) and given_answer.truncated_words == ()
    assert given_answer.word_attention.tolist() == [[0, 1, 2], [6, 7, 8]]


@pytest.mark.parametrize("probability", [0.6, 0.8])
def test_the_evidence_is_of_the_mask_and_of_what_else_is_possible(probability):
    """Each of the answer's pixels has that probability; others far away are possible, or likely, or impossible."""
    logit = float(np.log(probability / (1 - probability)))
    logits = np.full((36, 48), -9, np.float32)
    logits[:, :6] = -1  # possible: a share of 1/8 of the frame
    logits[10:30, 20:44] = logit
    presence, strength, sharpness, size = answer(logits, 4.0).evidence
    assert presence == 4.0 and probability - 0.05 < strength <= probability + 1e-6
    share = 20 * 24 / (36 * 48)
    assert sharpness == pytest.approx(share / (share + 1 / 8), abs=0.05)
    assert np.exp(size) == pytest.approx(share, rel=0.1)  # the edge lies where the interpolated logit is 0


def test_without_a_mask_there_is_no_evidence_of_one():
    none = Evidence(4.0, 0.0, 0.0, np.log(1e-4))
    assert answer(np.full((36, 48), -5, np.float32), 4.0).evidence == none
    assert answer(logits_of(Box(0, 0, 2, 2)), -4.0).evidence == none._replace(presence=-4.0)


def test_the_certainty_weighs_the_evidence():
    """Of the same presence, the clearer mask has the greater score, and FOUND is what the score says."""
    certainty = Certainty(bias=-4.0, presence=0.25, strength=4.0, sharpness=1.0, size=0.5)
    clear, faint = (answer(logits, 4.0, certainty=certainty) for logits in (logits_of(Box(9, 9, 20, 20)), FAINT))
    for given_answer in (clear, faint):
        presence, strength, sharpness, size = given_answer.evidence
        log_odds = -4.0 + 0.25 * presence + 4.0 * strength + sharpness + 0.5 * size
        assert given_answer.score == pytest.approx(1 / (1 + np.exp(-log_odds)))
    assert clear.score > THRESHOLDS.found > faint.score
    assert (clear.verdict, faint.verdict) == (Verdict.FOUND, Verdict.UNCERTAIN)


@pytest.mark.parametrize(("presence", "verdict"), [(4.0, Verdict.UNCERTAIN), (-4.0, Verdict.NOT_FOUND)])
def test_an_unknown_word_that_says_more_of_the_thing_makes_it_uncertain(presence, verdict):
    outcome = Outcome(logits_of(Box(12, 9, 6, 3)), presence, np.zeros((2, 6), np.float32))
    for text in ("the shiny mug", "the mug left of the toaster"):
        given_answer = conclude(text, VOCABULARY.encode(text, 6), outcome, LETTERBOX, THRESHOLDS, PRESENCE)
        assert given_answer.verdict is verdict and given_answer.mask.any() == (verdict is Verdict.UNCERTAIN)


@pytest.mark.parametrize(
    ("score", "verdict"),
    [
        (0.0, Verdict.NOT_FOUND),
        (0.34, Verdict.NOT_FOUND),
        (0.36, Verdict.UNCERTAIN),
        (0.5, Verdict.UNCERTAIN),
        (0.64, Verdict.UNCERTAIN),
        (0.66, Verdict.FOUND),
        (1.0, Verdict.FOUND),
    ],
)
def test_verdict_by_score(score, verdict):
    with np.errstate(divide="ignore"):
        presence = float(np.clip(np.log(np.float64(score) / (1 - np.float64(score))), -1e4, 1e4))
    given_answer = answer(logits_of(Box(0, 0, 4, 4)), presence)
    assert given_answer.verdict is verdict and given_answer.score == pytest.approx(score)
    assert given_answer.mask.any() == (given_answer.box.width > 0) == (verdict is not Verdict.NOT_FOUND)


def test_without_doubt_allowed_the_threshold_decides():
    sharp = Thresholds(mask=0.5, absent=0.5, found=0.5)
    assert answer(logits_of(Box(0, 0, 4, 4)), 0.0, sharp).verdict is Verdict.FOUND
    assert answer(logits_of(Box(0, 0, 4, 4)), -1e-3, sharp).verdict is Verdict.NOT_FOUND


def test_present_but_nowhere_is_uncertain():
    given_answer = answer(np.full((36, 48), -5, np.float32), 9.0)
    assert given_answer.verdict is Verdict.UNCERTAIN
    assert given_answer.box == (0, 0, 0, 0) and not given_answer.mask.any()


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_the_mask_is_cut_at_its_threshold(probability):
    logit = np.float32(np.log(probability / (1 - probability)))
    thresholds = Thresholds(mask=probability, absent=0.5, found=0.5)
    assert answer(np.full((36, 48), logit + 0.01, np.float32), 9.0, thresholds).mask.all()
    assert not answer(np.full((36, 48), logit - 0.01, np.float32), 9.0, thresholds).mask.any()


def test_not_understood_is_empty():
    given_answer = not_understood("gizmo", VOCABULARY.encode("gizmo", 6), LETTERBOX, 3)
    assert given_answer.verdict is Verdict.NOT_UNDERSTOOD and given_answer.score == 0
    assert given_answer.mask.shape == (480, 640) and not given_answer.mask.any() and given_answer.box == (0, 0, 0, 0)
    assert given_answer.unknown_words == ("gizmo",) and given_answer.word_attention.shape == (3, 1)


def test_of_two_parts_the_likelier_stays_not_the_larger():
    logits = np.full((100, 200), -3, np.float32)
    logits[10:30, 20:60] = 0.5  # 800 pixels, hardly likely
    logits[50:60, 100:120] = 4  # 200 pixels, sure
    mask, box = likeliest_part(logits)
    assert box == Box(100, 50, 20, 10) and mask.dtype == np.uint8
    assert np.count_nonzero(mask) == 200 and (mask[50:60, 100:120] == 255).all()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40), st.floats(-3.0, 3.0))
def test_what_stays_is_one_part_and_its_box(seed, height, width, shift):
    logits = (np.random.default_rng(seed).normal(size=(height, width)) + shift).astype(np.float32)
    mask, box = likeliest_part(logits)
    rows, columns = np.nonzero(mask)
    if not (logits > 0).any():
        assert box == (0, 0, 0, 0) and not mask.any()
        return
    assert box == (
        columns.min(),
        rows.min(),
        columns.max() - columns.min() + 1,
        rows.max() - rows.min() + 1,
    )
    count, parts = cv2.connectedComponents((logits > 0).astype(np.uint8))
    sums = [float(logits[parts == part].sum(dtype=np.float64)) for part in range(1, count)]
    kept = parts[rows[0], columns[0]]
    assert np.array_equal(mask == 255, parts == kept) and set(np.unique(mask)) <= {0, 255}
    assert np.isclose(sums[kept - 1], max(sums), rtol=1e-5)
