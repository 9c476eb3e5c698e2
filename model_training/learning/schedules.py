"""How the learning rate goes over the steps of a phase."""

from __future__ import annotations

import math

from model_training.configs.schema import Phase
from model_training.networks.config import chosen

LAST = 0.04
"""The factor that `poly` ends at: 1e-5 of 2.5e-4, as in the code of the CVPR paper."""


def cosine(share: float) -> float:
    """Factor after this share of the steps: a cosine from 1 down to 0.01."""
    return 0.505 + 0.495 * math.cos(math.pi * share)


def poly(share: float) -> float:
    """The paper's: from 1 down to LAST, with the power 0.9 of the share that is left."""
    return LAST + (1 - LAST) * (1 - share) ** 0.9


SCHEDULES = {"cosine": cosine, "poly": poly}


def learning_rate(phase: Phase, step: int, factor: float = 1.0) -> float:
    """The learning rate of a step: `factor` times that of the phase, a linear warm-up, and the schedule."""
    warm = min(1.0, (step + 1) / phase.warm_up)
    return phase.learning_rate * factor * warm * chosen("schedule", phase.schedule, SCHEDULES)(step / phase.steps)
