"""Compares how often answers that say where a thing is are right with how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from model_training.scoring.metrics import Scores
from refseg_ros.answer import Answer, Evidence, Verdict

RIGHT = 0.5
"""Least IoU of a mask that is right."""
FEWEST = 5
"""Fewest answers of a bin; fewer would say nothing about their share."""
EDGES = np.linspace(0.0, 1.0, 11)


class Claim(NamedTuple):
    """An answer that says where the thing is: FOUND or UNCERTAIN."""

    score: float
    found: bool
    """Whether it is FOUND."""
    right: bool
    """Whether the thing is there, and the mask has an IoU of at least RIGHT."""
    there: bool
    """Whether the thing is there."""
    evidence: Evidence
    """What the score is made of."""


def claims(answer: Answer, truth: np.ndarray) -> list[Claim]:
    """The claim of an answer, if it makes one.

    Args:
        answer: of a model.
        truth: (H, W) bool, empty if nothing fits.
    """
    if answer.verdict not in (Verdict.FOUND, Verdict.UNCERTAIN):
        return []
    assert answer.evidence is not None
    there, scores = bool(truth.any()), Scores()
    scores.add(answer.mask > 0, truth)
    right = there and scores.mean >= RIGHT
    return [Claim(answer.score, answer.verdict == Verdict.FOUND, right, there, answer.evidence)]


def found_and_right(made: Sequence[Claim]) -> float:
    """Share of FOUND answers that are right; NaN without any."""
    return float(np.mean([claim.right for claim in made if claim.found] or [np.nan]))


def curve(made: Sequence[Claim]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The reliability diagram: a point for each tenth of the scores with at least FEWEST answers.

    Returns:
        Mean score, share of right answers, and number of answers, each (bins,).
    """
    scores, right = (np.array([getattr(claim, name) for claim in made], float) for name in ("score", "right"))
    bins = np.digitize(scores, EDGES[1:-1])
    kept = [chosen for chosen in (bins == index for index in range(len(EDGES) - 1)) if chosen.sum() >= FEWEST]
    means, shares = (np.array([values[chosen].mean() for chosen in kept]) for values in (scores, right))
    return means, shares, np.array([chosen.sum() for chosen in kept], int)
