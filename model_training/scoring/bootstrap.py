"""Confidence intervals of figures over drawn scenes: Efron's bootstrap."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

Part = TypeVar("Part")

RESAMPLES = 1000
SHARE = 0.95


def intervals(
    parts: Sequence[Part], figures: Callable[[list[Part]], Mapping[str, float]], seed: int = 0
) -> dict[str, tuple[float, float]]:
    """The interval with the middle SHARE of each figure over RESAMPLES draws of len(parts) parts, with replacement.

    Args:
        parts: units drawn as a whole because their samples depend on each other, such as the answers about a scene.
        figures: names and values for a list of parts; names without samples may be missing.
        seed: of the draws.

    Returns:
        Name -> lower and upper end.
    """
    rng = np.random.default_rng(seed)
    drawn = defaultdict(list)
    for _ in range(RESAMPLES):
        for name, value in figures([parts[index] for index in rng.integers(len(parts), size=len(parts))]).items():
            drawn[name].append(value)
    ends = [(1 - SHARE) / 2, (1 + SHARE) / 2]
    return {name: tuple(np.quantile(values, ends).tolist()) for name, values in drawn.items()}
