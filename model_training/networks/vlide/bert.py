"""A transformer language encoder with the names of BERT's weights, whose layers run in groups.

Devlin et al., NAACL 2019. There is no dropout, so the same words always give the same states.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_training.networks.vlide.config import VlideConfig
from refseg_ros.expression import PADDING

EPSILON = 1e-12


class Embeddings(nn.Module):
    """LayerNorm of the sum of word, position and token-type embeddings."""

    def __init__(self, rows: int, positions: int, channels: int) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(rows, channels, padding_idx=PADDING)
        self.position_embeddings = nn.Embedding(positions, channels)
        self.token_type_embeddings = nn.Embedding(2, channels)
        self.LayerNorm = nn.LayerNorm(channels, eps=EPSILON)
        for table in (self.word_embeddings, self.position_embeddings, self.token_type_embeddings):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, pieces: Tensor) -> Tensor:
        """(M, N) ids -> (M, N, C)."""
        places = self.position_embeddings.weight[: pieces.shape[1]]
        return self.LayerNorm(self.word_embeddings(pieces) + places + self.token_type_embeddings.weight[0])


class SelfAttention(nn.Module):
    """Words attend to words; padding is no key."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(channels, channels) for _ in range(3))

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """(M, N, C), (M, N) bool -> (M, N, C)."""
        query, key, value = (
            part(states).unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        logits = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        weights = logits.masked_fill(~mask[:, None, None], float("-inf")).softmax(-1)
        return (weights @ value).transpose(1, 2).flatten(2)


class Output(nn.Module):
    """Linear layer, residual, LayerNorm."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.dense, self.LayerNorm = nn.Linear(inputs, channels), nn.LayerNorm(channels, eps=EPSILON)

    def forward(self, x: Tensor, states: Tensor) -> Tensor:
        """(M, N, inputs), (M, N, C) -> (M, N, C)."""
        return self.LayerNorm(self.dense(x) + states)


class Layer(nn.Module):
    """A post-norm transformer layer: self-attention, then two linear layers."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.ModuleDict({"self": SelfAttention(channels, heads), "output": Output(channels, channels)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(channels, 4 * channels)})
        self.output = Output(4 * channels, channels)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """(M, N, C), (M, N) bool -> (M, N, C)."""
        states = self.attention["output"](self.attention["self"](states, mask), states)
        return self.output(F.gelu(self.intermediate["dense"](states)), states)


class Bert(nn.Module):
    """States of [CLS], the words, [SEP]; the sentence is the state of [CLS]."""

    def __init__(self, config: VlideConfig) -> None:
        super().__init__()
        own = config.specials is None
        self.cls, self.sep = (config.vocabulary, config.vocabulary + 1) if own else config.specials
        self.groups = config.groups
        rows = config.vocabulary + 2 * own
        self.embeddings = Embeddings(rows, config.positions, config.text_channels)
        layers = (Layer(config.text_channels, config.text_heads) for _ in range(config.groups[-1]))
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(layers)})

    def embed(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """(M, N) int64, PADDING at the end -> states (M, N + 2, C) before the first layer, (M, N + 2) bool."""
        ends = torch.full_like(words[:, :1], PADDING)
        pieces = torch.cat([torch.full_like(ends, self.cls), words, ends], 1)
        end = (pieces != PADDING).sum(1, keepdim=True)
        places = torch.arange(pieces.shape[1], device=words.device)
        pieces = torch.where(places == end, self.sep, pieces)
        return self.embeddings(pieces), places <= end

    def group(self, index: int, states: Tensor, mask: Tensor) -> Tensor:
        """Run the group of layers before C3, C4 or C5 (`index` 0, 1 or 2)."""
        first = self.groups[index - 1] if index else 0
        for layer in self.encoder["layer"][first : self.groups[index]]:
            states = layer(states, mask)
        return states
