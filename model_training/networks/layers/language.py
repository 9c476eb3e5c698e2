"""Words as vectors e_n: a lookup table (Sec. 3.1), and the small word encoder that goes beyond it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_training.networks.config import NetworkConfig
from refseg_ros.expression import PADDING, UNKNOWN

HEADS = 4


def real_words(words: Tensor) -> Tensor:
    """(..., N) ids -> (..., N) bool, True for words. In an expression without words the first place counts as one, so
    that no softmax over words is empty.
    """
    real = words != PADDING
    first = torch.arange(words.shape[-1], device=words.device) == 0
    return real | (first & ~real.any(-1, keepdim=True))


class Language(nn.Module):
    """Word ids -> word vectors, one for each word: no sentence vector is made of them here."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.table = nn.Embedding(config.vocabulary, config.word_channels, padding_idx=PADDING)
        nn.init.uniform_(self.table.weight, -0.08, 0.08)
        self.layers = nn.ModuleList(WordLayer(config.word_channels) for _ in range(config.word_layers))
        self.positions = None
        if config.word_layers:
            nn.init.normal_(self.table.weight)
            self.positions = nn.Parameter(0.5 * torch.randn(config.max_words, config.word_channels))
        with torch.no_grad():
            # No training text has an unknown word, so its vector keeps this zero, which says nothing.
            self.table.weight[[PADDING, UNKNOWN]] = 0.0

    def forward(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """(..., N) int64 ids, PADDING at the end -> (..., N, C_l) vectors, zero for padding, and their `real_words`."""
        mask = real_words(words)
        vectors = self.table(words)
        if self.positions is not None:
            vectors = vectors + self.positions[: words.shape[-1]]
            for layer in self.layers:
                vectors = layer(vectors, mask)
        return vectors * mask[..., None], mask


class WordLayer(nn.Module):
    """A pre-norm transformer layer over the words of an expression; padding is no key."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.project = nn.Linear(channels, 3 * channels)
        self.merge = nn.Linear(channels, channels)
        self.inner = nn.Linear(channels, 2 * channels)
        self.outer = nn.Linear(2 * channels, channels)

    def forward(self, words: Tensor, mask: Tensor) -> Tensor:
        """(..., N, C), (..., N) bool -> (..., N, C)."""
        query, key, value = (
            part.unflatten(-1, (HEADS, -1)).transpose(-2, -3) for part in self.project(self.norm1(words)).chunk(3, -1)
        )
        logits = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        weights = logits.masked_fill(~mask[..., None, None, :], -1e4).softmax(-1)
        words = words + self.merge((weights @ value).transpose(-2, -3).flatten(-2))
        return words + self.outer(F.gelu(self.inner(self.norm2(words))))
