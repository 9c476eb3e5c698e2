"""When which fault is thrown in: drawn from a seed, and from nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

KINDS = (
    "camera stalls",
    "camera is killed and comes back",
    "clock of the camera jumps",
    "malformed images",
    "flood of queries",
    "hostile queries",
    "parameters changed",
    "malformed parameters",
    "deactivated and activated",
    "cleaned up and configured",
    "malformed calls",
    "subscriber stalls",
)
LEAST_PAUSE, GREATEST_PAUSE = 1.0, 4.0
"""Seconds from the end of a fault to the next."""
LEAST_TIME, GREATEST_TIME = 0.5, 6.0
"""Seconds that a fault which lasts takes."""


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        kind: one of KINDS.
        pause: seconds to wait before it.
        seconds: that it lasts, where it is of that sort.
        seed: of what is drawn in it.
    """

    kind: str
    pause: float
    seconds: float
    seed: int


def faults(seed: int, minutes: float) -> list[Fault]:
    """At least as many faults as fit into so many minutes; of each kind about as many, in any order."""
    random = np.random.default_rng(seed)
    most = int(minutes * 60 / LEAST_PAUSE) + len(KINDS)
    kinds = [KINDS[index] for _ in range(most // len(KINDS) + 1) for index in random.permutation(len(KINDS))]
    return [
        Fault(
            kind,
            float(random.uniform(LEAST_PAUSE, GREATEST_PAUSE)),
            float(random.uniform(LEAST_TIME, GREATEST_TIME)),
            int(random.integers(2**31)),
        )
        for kind in kinds
    ]
