"""How much each term counts in the loss of a system with several heads (`learning/head_losses.py`).

The numbers are from code of LASTC's and VLIDE's relatives. `lastc` has CSTM's, and the variant `efn` has EFN's. All
other configurations of the two, the small and the compared ones too, have LBDT's.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HeadWeights:
    """Of the terms of the loss."""

    entropy: float = 1.0
    dice: float = 0.0
    positive: float = 1.5
    """How many times a pixel of the target counts in the cross-entropy."""
    final: float = 1.0
    coarse: float = 1.0
    """Of each further head."""
    edges: float = 0.0
    """Of each outline."""


CSTM = HeadWeights()
LBDT = HeadWeights(entropy=0.5, dice=0.5, coarse=0.1)
EFN = HeadWeights(positive=1.0, edges=1.0)
