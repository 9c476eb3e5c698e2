"""VLMG: vision and language guide each other between two stages of the encoder.

[paper] says that it is inserted between the two streams several times; no equation is public. Read as the two-way
guidance of the same authors' BRINet-J, with a way back to either stream [inferred].
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_training.networks.config import chosen
from model_training.networks.layers.blocks import convolution
from model_training.networks.layers.positions import beside_positions, rows
from model_training.networks.vlide.config import VlideConfig
from model_training.networks.vlide.guidance import GUIDANCES

EPSILON = 1e-6
ORDERS = {name: name for name in ("vision-first", "parallel", "language-first")}
RESIDUALS = {name: name for name in ("plain", "norm")}


def unit(features: Tensor) -> Tensor:
    """L2-normalise each position's feature: (M, C, h, w)."""
    return F.normalize(features, dim=1, eps=EPSILON)


def mean_of(states: Tensor, mask: Tensor) -> Tensor:
    """(M, N, C_l) states and (M, N) bool of the real ones -> (M, C_l)."""
    return (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


class Guided(NamedTuple):
    """What VLMG gives back to the streams."""

    features: Tensor
    """C' (M, C, h, w)."""
    states: Tensor
    """L' (M, N, C_l)."""
    weights: Tensor
    """(M, N) attention that each word receives, the mean over the positions."""


class WordAttention(nn.Module):
    """Vision guides language: l_p = sum_n softmax_n(<X_p, W_e L_n>) W_e L_n [paper: BRINet-J eq. 1-2].

    Args:
        text: channels of L.
        channels: of X and l.
        scale: whether scores are divided by the root of the channels [inferred].
    """

    def __init__(self, text: int, channels: int, scale: bool) -> None:
        super().__init__()
        self.embed = nn.Linear(text, channels)
        self.factor = channels**-0.5 if scale else 1.0

    def forward(self, x: Tensor, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """X (M, C, h, w), L (M, N, C_l), (M, N) -> l (M, C, h, w), alpha (M, P, N)."""
        embedded = self.embed(states)
        scores = rows(x) @ embedded.transpose(1, 2) * self.factor
        weights = scores.masked_fill(~mask[:, None], float("-inf")).softmax(-1)
        return (weights @ embedded).transpose(1, 2).unflatten(-1, x.shape[-2:]), weights


class WordUpdate(nn.Module):
    """Back to language: L' = L + W_o sum_p softmax_p(<W_a LN(L), W_b X_p>) W_c F_p, W_o zero at the start
    [inferred].
    """

    def __init__(self, text: int, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(text)
        self.query = nn.Linear(text, channels)
        self.key, self.value = nn.Conv2d(channels, channels, 1, bias=False), nn.Conv2d(channels, channels, 1)
        self.output = nn.Linear(channels, text)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, states: Tensor, x: Tensor, source: Tensor) -> Tensor:
        """L (M, N, C_l), X and F (M, C, h, w) -> L'."""
        scores = self.query(self.norm(states)) @ self.key(x).flatten(2) / x.shape[1] ** 0.5
        return states + self.output(scores.softmax(-1) @ rows(self.value(source)))


class VLMG(nn.Module):
    """Vision-Language Mutual Guidance at one stage.

    Args:
        channels: of the stage, C.
        config: of the network.
        encoded: whether layers of the language encoder have run. Before them [CLS] is the same for all expressions, so
            the mean over the words is the sentence in its place [inferred].
    """

    def __init__(self, channels: int, config: VlideConfig, encoded: bool = True) -> None:
        super().__init__()
        self.encoded = encoded
        text, width = config.text_channels, config.guided_channels
        self.order = chosen("order", config.order, ORDERS)
        self.resid = chosen("resid", config.resid, RESIDUALS)
        self.sentence = nn.Linear(text, width, bias=False)
        self.join = convolution(channels + width + 8, width, 1)
        self.listen = WordAttention(text, width, config.scale)
        self.look = chosen("lvam", config.lvam, GUIDANCES)(width, config.pooled_channels)
        self.to_vision = nn.Conv2d(width, channels, 1, bias=False)  # the norms that follow would cancel a bias
        if self.resid == "plain":
            nn.init.zeros_(self.to_vision.weight)
        self.to_words = WordUpdate(text, width)

    def forward(self, c: Tensor, states: Tensor, mask: Tensor) -> Guided:
        """C_i (M, C, h, w), L (M, N, C_l), the sentence first, and (M, N) bool."""
        x = self.joint(c, states[:, 0] if self.encoded else mean_of(states, mask))
        before = states
        if self.order == "language-first":
            states = self.to_words(states, x, x)
        language, weights = self.listen(x, states, mask)
        f = self.look(x, language)
        if self.order == "vision-first":
            states = self.to_words(before, x, f)
        elif self.order == "parallel":
            states = self.to_words(before, x, x)
        change = self.to_vision(f)
        features = unit(c) + unit(change) if self.resid == "norm" else c + change
        return Guided(features, states, weights.mean(1))

    def joint(self, c: Tensor, sentence: Tensor) -> Tensor:
        """X = ReLU(BN(conv1([C / |C|; W_s sentence, at every position; P]))) [paper: BRINet-J eq. 1; code: EFN]."""
        tiled = self.sentence(sentence)[..., None, None].expand(-1, -1, *c.shape[-2:])
        return self.join(beside_positions(torch.cat([unit(c), tiled], 1)))
