"""LGFS: the sentence selects between the spatial and the temporal feature.

[paper: CSTM] names it in its abstract and in the caption of Fig. 2; no equation is public and the released code has
plain concatenation. All of this is [inferred]. Each module takes F_s and F_t (M, C, h, w) and l (M, C_l), and gives
M_i (M, C, h, w).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model_training.networks.lastc.cmam import EPSILON
from model_training.networks.layers.blocks import convolution


def pooled(features: Tensor) -> Tensor:
    """GAP: (M, C, h, w) -> (M, C)."""
    return features.mean((-2, -1))


def per_channel(gate: Tensor) -> Tensor:
    """(M, C) -> (M, C, 1, 1)."""
    return gate[..., None, None]


class Concatenation(nn.Module):
    """`concat`: CBR([F_s; F_t]) [code: CSTM]; the sentence is not used."""

    def __init__(self, channels: int, text: int) -> None:
        super().__init__()
        self.merge = convolution(2 * channels, channels)

    def forward(self, spatial: Tensor, temporal: Tensor, sentence: Tensor) -> Tensor:
        """F_s, F_t (M, C, h, w) and l (M, C_l) -> M_i (M, C, h, w)."""
        return self.merge(torch.cat([spatial, temporal], 1))


class SoftmaxSelection(nn.Module):
    """`softmax`: M = CBR(a_s F_s + a_t F_t), with a_s + a_t = 1 for each channel."""

    def __init__(self, channels: int, text: int) -> None:
        super().__init__()
        hidden = max(1, channels // 2)
        self.squeeze = nn.Linear(2 * channels + text, hidden)
        self.of_spatial, self.of_temporal = nn.Linear(hidden, channels), nn.Linear(hidden, channels)
        self.merge = convolution(channels, channels)

    def shares(self, spatial: Tensor, temporal: Tensor, sentence: Tensor) -> Tensor:
        """a_s and a_t: (M, 2, C)."""
        u = self.squeeze(torch.cat([pooled(spatial), pooled(temporal), sentence], -1)).relu()
        return torch.stack([self.of_spatial(u), self.of_temporal(u)], 1).softmax(1)

    def blend(self, spatial: Tensor, temporal: Tensor, sentence: Tensor) -> Tensor:
        """a_s F_s + a_t F_t."""
        of_spatial, of_temporal = self.shares(spatial, temporal, sentence).unbind(1)
        return per_channel(of_spatial) * spatial + per_channel(of_temporal) * temporal

    def forward(self, spatial: Tensor, temporal: Tensor, sentence: Tensor) -> Tensor:
        """F_s, F_t (M, C, h, w) and l (M, C_l) -> M_i (M, C, h, w)."""
        return self.merge(self.blend(spatial, temporal, sentence))


class SigmoidGates(nn.Module):
    """`sigmoid2`: each stream is multiplied by a gate from itself and the sentence, and by one from both streams
    [code: LBDT's decoder].
    """

    def __init__(self, channels: int, text: int) -> None:
        super().__init__()
        hidden = max(1, channels // 2)
        self.by_sentence = nn.ModuleList(nn.Linear(channels + text, channels) for _ in range(2))
        self.squeeze = nn.Linear(2 * channels, hidden)
        self.by_streams = nn.ModuleList(nn.Linear(hidden, channels) for _ in range(2))
        self.merge = convolution(2 * channels, channels)

    def gates(self, spatial: Tensor, temporal: Tensor, sentence: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The two gates (M, C), in (0, 1), of each stream."""
        both = self.squeeze(torch.cat([pooled(spatial), pooled(temporal)], -1)).relu()
        streams = zip((spatial, temporal), self.by_sentence, self.by_streams, strict=True)
        return [
            (alone(torch.cat([pooled(stream), sentence], -1)).sigmoid(), shared(both).sigmoid())
            for stream, alone, shared in streams
        ]

    def forward(self, spatial: Tensor, temporal: Tensor, sentence: Tensor) -> Tensor:
        """F_s, F_t (M, C, h, w) and l (M, C_l) -> M_i (M, C, h, w)."""
        gates = self.gates(spatial, temporal, sentence)
        gated = [
            stream * per_channel(one) * per_channel(other)
            for stream, (one, other) in zip((spatial, temporal), gates, strict=True)
        ]
        return self.merge(torch.cat(gated, 1))


class AttentionPooledGates(nn.Module):
    """`attnpool`: each stream's gate comes from what the sentence attends to in it [code: CMPC-V, between its levels].

    The streams share `query` and `merge`; each has its own copy of the other layers.
    """

    def __init__(self, channels: int, text: int) -> None:
        super().__init__()
        self.query = nn.Linear(text, channels)
        self.key = nn.ModuleList(nn.Conv2d(channels, channels, 1, bias=False) for _ in range(2))
        self.joint = nn.ModuleList(nn.Linear(channels + text, channels) for _ in range(2))
        self.gate = nn.ModuleList(nn.Linear(channels, channels) for _ in range(2))
        self.own = nn.ModuleList(nn.Conv2d(channels, channels, 1) for _ in range(2))
        self.merge = convolution(channels, channels)

    def gated(self, index: int, features: Tensor, sentence: Tensor) -> Tensor:
        """ReLU(conv1 F) times sigmoid(W g)."""
        scores = (self.query(sentence)[:, None] @ self.key[index](features).flatten(2)) / features.shape[1] ** 0.5
        seen = (scores.softmax(-1) @ features.flatten(2).transpose(1, 2)).squeeze(1)
        joint = nn.functional.normalize(self.joint[index](torch.cat([seen, sentence], -1)), dim=-1, eps=EPSILON)
        return self.own[index](features).relu() * per_channel(self.gate[index](joint).sigmoid())

    def forward(self, spatial: Tensor, temporal: Tensor, sentence: Tensor) -> Tensor:
        """F_s, F_t (M, C, h, w) and l (M, C_l) -> M_i (M, C, h, w)."""
        return self.merge(self.gated(0, spatial, sentence) + self.gated(1, temporal, sentence))


SELECTIONS = {
    "concat": Concatenation,
    "softmax": SoftmaxSelection,
    "sigmoid2": SigmoidGates,
    "attnpool": AttentionPooledGates,
}
