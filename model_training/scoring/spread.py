"""One figure of several runs, as text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

NOTHING = "–"


def mean_and_spread(shares: Sequence[float]) -> str:
    """Mean ± standard deviation in percent (how many): "58.31 ± 0.42 (3)".

    Args:
        shares: the figure of each run in [0, 1], NaN for a run that diverged.
    """
    if not shares:
        return NOTHING
    if np.isnan(shares).any():
        return f"diverged ({int(np.isnan(shares).sum())} of {len(shares)})"
    spread = f" ± {100 * np.std(shares, ddof=1):.2f}" if len(shares) > 1 else ""
    return f"{100 * np.mean(shares):.2f}{spread} ({len(shares)})"
