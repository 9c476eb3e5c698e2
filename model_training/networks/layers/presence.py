"""Whether the thing is there at all. Neither LASTC nor VLIDE answers that, but a robot needs it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Presence(nn.Module):
    """A linear layer over the finest feature's greatest and mean values, the sentence and the mask's peak [inferred].

    Args:
        channels: of the feature.
        words: channels of the sentence.
    """

    def __init__(self, channels: int, words: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * channels + words + 1, 1)

    def forward(self, feature: Tensor, sentence: Tensor, logits: Tensor) -> Tensor:
        """(M, C, h, w), (M, C_l) and mask logits (M, 1, H, W) -> (M,) logits."""
        whole = [feature.amax((-2, -1)), feature.mean((-2, -1)), sentence, logits.amax((-2, -1))]
        return self.linear(torch.cat(whole, -1)).squeeze(-1)
