"""Words as features L: a table, a GRU, LayerNorm and tanh [code: CSTM]."""

from __future__ import annotations

from torch import Tensor, nn

from model_training.networks.layers.language import real_words
from refseg_ros.expression import PADDING


class WordEncoder(nn.Module):
    """One GRU without bias over the words [code]. Padding gets zeros: the code does not use its mask [inferred]."""

    def __init__(self, vocabulary: int, word_channels: int, channels: int) -> None:
        super().__init__()
        self.table = nn.Embedding(vocabulary, word_channels, padding_idx=PADDING)
        self.gru = nn.GRU(word_channels, channels, bias=False, batch_first=True)
        self.norm = nn.LayerNorm(channels)

    def forward(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """(M, N) int64, PADDING at the end -> L (M, N, C_l), zero for padding, and (M, N) bool."""
        mask = real_words(words)
        states, _ = self.gru(self.table(words))
        return self.norm(states).tanh() * mask[..., None], mask
