"""LSTMs over the words: one vector for the sentence, and the multimodal LSTM of RMI (Liu et al., ICCV 2017)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_training.networks.ablations.over_words import over_words
from model_training.networks.ablations.pooling import equal_weights
from model_training.networks.cmsa.multimodal import Multimodal, Pooled


def lstm_step(gates: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
    """Gates (..., 4 C) before their activations, in the order of torch.nn.LSTM, and the memory (..., C) -> the new
    state and memory.
    """
    take, keep, new, show = gates.chunk(4, -1)
    memory = keep.sigmoid() * memory + take.sigmoid() * new.tanh()
    return show.sigmoid() * memory.tanh(), memory


def lstm_cell(lstm: nn.LSTM, word: Tensor, state: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
    """One step of an LSTM of one layer: (..., C), (..., H), (..., H) -> the new state and memory."""
    gates = F.linear(word, lstm.weight_ih_l0, lstm.bias_ih_l0) + F.linear(state, lstm.weight_hh_l0, lstm.bias_hh_l0)
    return lstm_step(gates, memory)


class Sentence(nn.Module):
    """Word vectors -> the hidden state of an LSTM after the last real word, as an expression of one word."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(channels, channels)

    def forward(self, e: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(..., N, C_l) and (..., N) bool, padding at the end -> (..., 1, C_l), (..., 1) True, and a_n (..., N) of the
        words, which is the same for all.
        """
        start = tuple(torch.zeros_like(e[..., 0, :]) for _ in range(2))
        state, _ = over_words(lambda word, *before: lstm_cell(self.lstm, word, *before), start, e.movedim(-2, 0), mask)
        return state[..., None, :], mask[..., :1], equal_weights(e[..., 0], mask)


class MultimodalLSTM(Multimodal):
    """Reads the sentence anew at each position, with the same weights: at word n the input is [h_n ; e_n ; x_p], where
    h_n is the hidden state of an LSTM over the words alone. f^_p is the hidden state after the last real word.

    Gates and their order as in torch.nn.LSTM. The inputs' share of the gates is a part of the position plus a part of
    the word, so it is never computed for all pairs.

    Args:
        spatial: channels of x_p, that is C_v + 8.
        words: channels of e_n, C_l, and of h_n.
        channels: of f^_p.
    """

    def __init__(self, spatial: int, words: int, channels: int) -> None:
        super().__init__()
        self.language = nn.LSTM(words, words)
        self.from_spatial = nn.Linear(spatial, 4 * channels)
        self.from_words = nn.Linear(2 * words, 4 * channels, bias=False)
        self.recurrent = nn.Linear(channels, 4 * channels, bias=False)
        self.channels = channels

    def forward(self, x: Tensor, e: Tensor, mask: Tensor, read: tuple[Tensor, ...]) -> Pooled:
        """See Multimodal. The sentence is the last of the h_n."""
        spatial = self.from_spatial(x)

        def step(word: Tensor, h: Tensor, c: Tensor, state: Tensor, memory: Tensor) -> tuple[Tensor, ...]:
            h, c = lstm_cell(self.language, word, h, c)
            gates = spatial + self.from_words(torch.cat([h, word], -1))[..., None, :] + self.recurrent(state)
            return h, c, *lstm_step(gates, memory)

        size = (*e.shape[:-2], x.shape[-2], self.channels)
        start = [torch.zeros_like(e[..., 0, :]) for _ in range(2)] + [e.new_zeros(size) for _ in range(2)]
        sentence, _, state, _ = over_words(step, tuple(start), e.movedim(-2, 0), mask)
        return Pooled(state, equal_weights(e[..., 0], mask), sentence)
