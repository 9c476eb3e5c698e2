"""One of the two encoders with CMAM, or CMAM+, after each of its five stages."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from model_training.networks.config import chosen
from model_training.networks.lastc.cmam import CMAM
from model_training.networks.lastc.config import LastcConfig
from model_training.networks.lastc.words_update import UPDATES


class Streamed(NamedTuple):
    """What a stream leaves to the decoder."""

    features: tuple[Tensor, ...]
    """V' of the five stages, (M, C_i, [T_i,] h_i, w_i)."""
    words: Tensor
    """L (M, N, C_l) after the last update."""
    weights: Tensor
    """alpha (M, 5, N) of the stages."""
    context: Tensor
    """l (M, C_l) of the last CMAM."""


class Stream(nn.Module):
    """The modulated feature of a stage feeds the next one [code]; nothing comes from the other encoder.

    Args:
        encoder: with `channels` of its stages and `stage(index, x)`.
        dims: 2, or 3 with time.
        config: of the network.
    """

    def __init__(self, encoder: nn.Module, dims: int, config: LastcConfig) -> None:
        super().__init__()
        self.encoder = encoder
        self.cmam = nn.ModuleList(CMAM(channels, dims, config) for channels in encoder.channels)
        update = chosen("update", config.update, UPDATES)
        self.updates = nn.ModuleList(
            nn.Identity() if update is None else update(channels, config.text_channels) for channels in encoder.channels
        )

    def first(self, x: Tensor) -> Tensor:
        """The first stage, before its CMAM: no words are needed for it."""
        return self.encoder.stage(0, x)

    def forward(self, first: Tensor, words: Tensor, mask: Tensor) -> Streamed:
        """What `first` gave (M, C_1, [T_1,] h_1, w_1), L (M, N, C_l) and (M, N) bool."""
        features, weights = [], []
        for index, (cmam, update) in enumerate(zip(self.cmam, self.updates, strict=True)):
            seen = cmam(self.encoder.stage(index, features[-1]) if index else first, words, mask)
            if not isinstance(update, nn.Identity):
                words = update(words, seen, mask)
            features.append(seen.features)
            weights.append(seen.weights)
        return Streamed(tuple(features), words, torch.stack(weights, 1), seen.context)
