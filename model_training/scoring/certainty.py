"""Learns how likely answers are right from their evidence: logistic regression.

After Platt, "Probabilistic outputs for support vector machines" (1999), with the mask's evidence beside the presence's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model_training.scoring.reliability import Claim
from refseg_ros.engines.manifest import Certainty, Thresholds

UNCALIBRATED = Thresholds(mask=0.4, absent=0.35, found=0.65)
"""Thresholds before `calibrate` chooses the other two. A mask of probability 0.4 and above agrees better with the
truth than one of 0.5 or of 0.3 (overall IoU 0.778 against 0.775 and 0.774 on the tabletop): it misses fewer thin parts.
"""

RIDGE = 1e-3
"""Pull of each standardised weight towards 0, so that evidence that decides everything gets no endless weight."""
STEPS = 50
"""Of Newton's method, which needs about ten."""


def fit(sets: Sequence[Sequence[Claim]]) -> Certainty:
    """Fit the certainty by maximum likelihood to which claims are right; each set has the same weight.

    Args:
        sets: claims of a model that calls nothing NOT_FOUND.

    Raises:
        ValueError: the claims are all right, or all wrong.
    """
    claims = [claim for claims in sets for claim in claims]
    right = np.array([claim.right for claim in claims], float)
    if not right.any():
        raise ValueError(f"none of the {len(claims)} answers is right; train it first")
    if right.all():
        raise ValueError(f"all {len(claims)} answers are right; ask also about what is not there")
    share = np.concatenate([np.full(len(claims), 1 / (len(sets) * len(claims))) for claims in sets if claims])
    evidence = np.array([claim.evidence for claim in claims], float)
    mean = share @ evidence
    spread = np.sqrt(share @ (evidence - mean) ** 2) + 1e-9
    columns = np.column_stack([np.ones(len(claims)), (evidence - mean) / spread])
    pull = RIDGE * np.diag([0.0, *np.ones(evidence.shape[1])])
    weights = np.zeros(columns.shape[1])
    for _ in range(STEPS):
        found = 0.5 + 0.5 * np.tanh(0.5 * columns @ weights)
        slope = columns.T @ (share * (found - right)) + pull @ weights
        curve = columns.T @ (columns * (share * found * (1 - found))[:, None]) + pull + 1e-9 * np.eye(len(weights))
        weights -= np.linalg.solve(curve, slope)
    of_evidence = weights[1:] / spread
    bias = weights[0] - of_evidence @ mean
    return Certainty(*(round(float(weight), 4) for weight in (bias, *of_evidence)))
