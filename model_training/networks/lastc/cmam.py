"""CMAM: a stage's feature modulated by the words that it fits [code: CSTM]."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_training.networks.config import chosen
from model_training.networks.lastc.config import LastcConfig
from model_training.networks.layers.blocks import convolution
from model_training.networks.layers.positions import beside_positions

EPSILON = 1e-6
"""The least length that anything is divided by; torch's own, 1e-12, is 0 in 16 bits."""
FIRST_SCALE, MAX_SCALE = 4.0, 8.0

SCALES = ("l2", "l2_learned", "mean")
"""s divided by its norm over the words [code], which keeps the softmax nearly flat; the same times a learned scale; s
divided by the number of positions and the root of the channels [inferred]."""


class Modulated(NamedTuple):
    """What CMAM makes of a stage."""

    features: Tensor
    """V' (M, C, [T,] h, w)."""
    weights: Tensor
    """alpha (M, N), rows sum to one, 0 for padding."""
    context: Tensor
    """l (M, C_l): the words' features, weighted."""


class WordQueries(nn.Module):
    """Q = norm(linear(L))."""

    def __init__(self, channels: int, norm: str) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, channels, bias=norm == "ln")  # BatchNorm would subtract a bias
        self.norm = chosen("q_norm", norm, {"ln": nn.LayerNorm, "bn": nn.BatchNorm1d})(channels)

    def forward(self, words: Tensor) -> Tensor:
        """(M, N, C_l) -> (M, N, C_l)."""
        q = self.linear(words)
        if isinstance(self.norm, nn.LayerNorm):
            return self.norm(q)
        return self.norm(q.transpose(1, 2)).transpose(1, 2)


def _full(inputs: int, outputs: int, dims: int, factorised: bool) -> nn.Module:
    return convolution(inputs, outputs, 3, dims, factorised=factorised)


def _bottleneck(inputs: int, outputs: int, dims: int, factorised: bool) -> nn.Module:
    quarter = max(1, outputs // 4)
    return nn.Sequential(
        convolution(inputs, quarter, 1, dims),
        convolution(quarter, quarter, 3, dims, factorised=factorised),
        convolution(quarter, outputs, 1, dims),
    )


def _depthwise(inputs: int, outputs: int, dims: int, factorised: bool) -> nn.Module:
    kind = nn.Conv2d if dims == 2 else nn.Conv3d
    return nn.Sequential(
        kind(inputs, inputs, 3, padding=1, groups=inputs, bias=False), convolution(inputs, outputs, 1, dims)
    )


CONVOLUTIONS = {"full": _full, "bottleneck4": _bottleneck, "dw": _depthwise}


class CMAM(nn.Module):
    """Cross-Modal Adaptive Modulation: V' = V + U (gamma - 0.5), with U = CBR([V; P]) and gamma = sigmoid(W l + b).

    Args:
        channels: of the stage, C.
        dims: 2, or 3 with time.
        config: of the network.
    """

    def __init__(self, channels: int, dims: int, config: LastcConfig) -> None:
        super().__init__()
        text = config.text_channels
        make = chosen("cmam_conv", config.cmam_conv, CONVOLUTIONS)
        self.merge = make(channels + 8, channels, dims, config.widths is not None)
        self.key = convolution(channels, text, 1, dims, relu=False)
        self.query = WordQueries(text, config.q_norm)
        self.scale = chosen("attn_scale", config.attn_scale, {name: name for name in SCALES})
        if self.scale == "l2_learned":
            self.log_scale = nn.Parameter(torch.tensor(math.log(FIRST_SCALE)))
        self.gate = nn.Linear(text, channels)
        self.zero_init = config.zero_init
        if self.zero_init:
            nn.init.zeros_(self.gate.weight)
            nn.init.zeros_(self.gate.bias)

    def forward(self, v: Tensor, words: Tensor, mask: Tensor) -> Modulated:
        """V (M, C, [T,] h, w), L (M, N, C_l) and (M, N) bool."""
        u = self.merge(beside_positions(v))
        weights = self.weights(self.query(words), self.key(u), mask)
        context = (weights[:, None] @ words).squeeze(1)
        gamma = self.gate(context).sigmoid()
        gamma = gamma.view(*gamma.shape, *(1,) * (v.ndim - 2))
        return Modulated(v + u * (gamma - 0.5 if self.zero_init else gamma), weights, context)

    def weights(self, query: Tensor, key: Tensor, mask: Tensor) -> Tensor:
        """Q (M, N, C_l) and K (M, C_l, [T,] h, w) -> alpha (M, N) of the words.

        s_n is the sum over positions of <Q_n, K_p>, which is <Q_n, sum of K_p>. 16 bits do not hold it, so it is always
        divided by the number of positions and the root of the channels, which is nothing to `l2`.
        """
        scores = (query @ key.flatten(2).mean(-1)[..., None]).squeeze(-1) / math.sqrt(query.shape[-1])
        scores = scores.masked_fill(~mask, 0.0)
        if self.scale != "mean":
            scores = F.normalize(scores, dim=-1, eps=EPSILON)
        if self.scale == "l2_learned":
            scores = scores * self.log_scale.exp().clamp(max=MAX_SCALE)
        return scores.masked_fill(~mask, float("-inf")).softmax(-1)
