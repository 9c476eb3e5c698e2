"""Sums over positions, beside CMSA's softmax, which gives means: for "the second mug from the left"."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Counting(nn.Module):
    """How much of what is asked for lies where each position looks: to the left of it, say. Beyond the paper.

    Each position p sums, over all positions p', a share u_p' that the words choose, weighted by sigmoid(k_p . q_p').
    The share is of a position's feature, so a thing counts by its cells; it starts by adding nothing.

    Args:
        spatial: channels of x_p.
        words: of the attended sentence.
        channels: sums of each position.
        outputs: channels of what is added.
    """

    def __init__(self, spatial: int, words: int, channels: int, outputs: int) -> None:
        super().__init__()
        self.look = nn.Linear(spatial, 2 * channels)
        self.share, self.chosen = nn.Linear(spatial, channels), nn.Linear(words, channels)
        self.output = nn.Linear(2 * channels, outputs)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, x: Tensor, sentence: Tensor) -> Tensor:
        """(..., P, spatial), (..., words) -> (..., P, outputs)."""
        query, key = self.look(x).chunk(2, -1)
        share = (self.share(x) + self.chosen(sentence)[..., None, :]).sigmoid()
        sums = (key @ query.transpose(-1, -2)).sigmoid() @ share
        part = sums / x.shape[-2]
        return self.output(torch.cat([part, torch.log1p(sums)], -1))
