"""Language guides vision: each position attends to the map with a query from its words.

Each module takes X and l (M, C, h, w) and gives F of the same shape.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model_training.networks.layers.blocks import convolution
from model_training.networks.layers.positions import rows
from model_training.networks.vlide.pyramid import BINS, pyramid


class PooledGuidance(nn.Module):
    """`pooled`: X~_p is the sum over the cells of a pyramid of softmax(<W_2 l_p, PPM(W_1 X)>) PPM(W_3 X) [paper:
    BRINet-J eq. 5-8], scaled by the root of the channels [code: EFN's unused module]; F = W_4 [X~; l] + W_5 X.
    """

    bins: tuple[int, ...] | None = BINS

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.query, self.value = nn.Conv2d(channels, width, 1), nn.Conv2d(channels, width, 1)
        self.key = nn.Conv2d(channels, width, 1, bias=False)
        self.merge, self.own = nn.Conv2d(width + channels, channels, 1), nn.Conv2d(channels, channels, 1)

    def cells(self, features: Tensor) -> Tensor:
        """(M, C, h, w) -> (M, cells, C)."""
        return rows(features) if self.bins is None else pyramid(features, self.bins)

    def seen(self, x: Tensor, language: Tensor) -> Tensor:
        """X~ (M, width, h, w)."""
        query, key, value = self.query(language), self.key(x), self.value(x)
        weights = (rows(query) @ self.cells(key).transpose(1, 2) / query.shape[1] ** 0.5).softmax(-1)
        return (weights @ self.cells(value)).transpose(1, 2).unflatten(-1, x.shape[-2:])

    def forward(self, x: Tensor, language: Tensor) -> Tensor:
        """X and l (M, C, h, w) -> F (M, C, h, w)."""
        return self.merge(torch.cat([self.seen(x, language), language], 1)) + self.own(x)


class DenseGuidance(PooledGuidance):
    """`dense`: the same over all positions."""

    bins = None


class CoAttention(nn.Module):
    """`coatt`: attention both ways by the affinity (W_1 X)^T (W_2 l), without a scale; each attended map goes through a
    3x3 convolution [code: EFN].
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.of_pixels, self.of_language = nn.Conv2d(channels, width, 1), nn.Conv2d(channels, width, 1)
        self.seen, self.heard = convolution(channels, channels), convolution(channels, channels)
        self.merge, self.own = nn.Conv2d(2 * channels, channels, 1), nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, language: Tensor) -> Tensor:
        """X and l (M, C, h, w) -> F (M, C, h, w)."""
        affinity = rows(self.of_pixels(x)) @ rows(self.of_language(language)).transpose(1, 2)
        size = x.shape[-2:]
        heard = (affinity.softmax(-1) @ rows(language)).transpose(1, 2).unflatten(-1, size)
        seen = (affinity.transpose(1, 2).softmax(-1) @ rows(x)).transpose(1, 2).unflatten(-1, size)
        return self.merge(torch.cat([self.seen(seen), self.heard(heard)], 1)) + self.own(x)


GUIDANCES = {"pooled": PooledGuidance, "dense": DenseGuidance, "coatt": CoAttention}
