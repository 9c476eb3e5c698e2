"""Sums over positions, for "the second mug from the left": the softmax of CMSA gives means, which cannot count."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Counting(nn.Module):
    """How much of what the words ask for lies in some direction of each position, say to its left. Beyond the paper.

    Position p sums u_p' sigmoid(k_p . q_p') over all positions p'. The words and x_p' give u_p' in (0, 1), so a thing
    counts by its number of cells. The output starts at zero.

    Args:
        spatial: channels of x_p.
        words: channels of the attended sentence.
        channels: number of sums at each position.
        outputs: channels of the output.
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
