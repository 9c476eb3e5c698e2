"""The + of CMAM+: after each stage the words take up what the stage has seen.

[paper] says that words are updated, stage by stage and in each encoder separately; how is [inferred]. Each module takes
L, the stage's Modulated and the mask, and gives the new L. The projections to L start at zero, and LayerNorm is inside
the branch, so CMAM+ starts as CMAM. Keys have no bias, here and in all attention of this package: a softmax over keys
cancels it.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from model_training.networks.lastc.cmam import Modulated
from model_training.networks.layers.positions import sine_map

HEADS = 8
MOST_CELLS = 20
"""Side of the largest map that words attend to; larger ones are average-pooled [inferred]."""


def zero_linear(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer that begins as zero."""
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def attention(query: Tensor, key: Tensor) -> Tensor:
    """Attention logits of HEADS heads, before the softmax: (M, N, C), (M, P, C) -> (M, HEADS, N, P)."""
    query, key = (part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in (query, key))
    return query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5


def attended(weights: Tensor, value: Tensor) -> Tensor:
    """(M, HEADS, N, P), (M, P, C) -> (M, N, C)."""
    return (weights @ value.unflatten(-1, (HEADS, -1)).transpose(1, 2)).transpose(1, 2).flatten(2)


class CrossAttention(nn.Module):
    """`xattn`: words attend to the positions of V', with sines of their places; time is averaged."""

    def __init__(self, channels: int, text: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(text)
        self.query, self.key = nn.Linear(text, text), nn.Linear(channels, text, bias=False)
        self.value, self.output = nn.Linear(channels, text), zero_linear(text, text)

    def forward(self, words: Tensor, seen: Modulated, mask: Tensor) -> Tensor:
        """L (M, N, C_l), what the stage has seen, and the mask of L (M, N) -> the new L."""
        x = self.cells(seen.features)
        return words + self.output(attended(self.weights(words, x), self.value(x))) * mask[..., None]

    def cells(self, features: Tensor) -> Tensor:
        """V' (M, C, [T,] h, w) -> (M, P, C) of at most MOST_CELLS squared positions."""
        x = features.mean(2) if features.ndim == 5 else features
        window = [-(-size // MOST_CELLS) for size in x.shape[-2:]]
        if max(window) > 1:
            x = F.avg_pool2d(x, window, ceil_mode=True, count_include_pad=False)
        return x.flatten(2).transpose(1, 2) + sine_map(*x.shape[-2:], x.shape[1], x)

    def weights(self, words: Tensor, cells: Tensor) -> Tensor:
        """A (M, HEADS, N, P), rows sum to one."""
        return attention(self.query(self.norm(words)), self.key(cells)).softmax(-1)


class Context(nn.Module):
    """`ctx`: L_n + W_c l for every word, the most literal reading of "global context"."""

    def __init__(self, channels: int, text: int) -> None:
        super().__init__()
        self.output = zero_linear(text, text)

    def forward(self, words: Tensor, seen: Modulated, mask: Tensor) -> Tensor:
        """L (M, N, C_l), what the stage has seen, and the mask of L (M, N) -> the new L."""
        return words + self.output(seen.context)[:, None] * mask[..., None]


class SelfAttention(nn.Module):
    """`self`: `ctx`, and then the words attend to each other."""

    def __init__(self, channels: int, text: int) -> None:
        super().__init__()
        self.context, self.norm = Context(channels, text), nn.LayerNorm(text)
        self.query, self.value = nn.Linear(text, text), nn.Linear(text, text)
        self.key = nn.Linear(text, text, bias=False)
        self.output = zero_linear(text, text)

    def forward(self, words: Tensor, seen: Modulated, mask: Tensor) -> Tensor:
        """L (M, N, C_l), what the stage has seen, and the mask of L (M, N) -> the new L."""
        words = self.context(words, seen, mask)
        x = self.norm(words)
        logits = attention(self.query(x), self.key(x)).masked_fill(~mask[:, None, None], float("-inf"))
        return words + self.output(attended(logits.softmax(-1), self.value(x))) * mask[..., None]


UPDATES = {"xattn": CrossAttention, "ctx": Context, "self": SelfAttention, "none": None}
