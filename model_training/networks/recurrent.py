"""LSTMs over the words: one vector for the sentence, and the multimodal LSTM of RMI (Liu et al., ICCV 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model_training.networks.pooling import Pooled, equal_weights


class Sentence(nn.Module):
    """Word vectors -> the hidden state of an LSTM after the last real word, as an expression of one word."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(channels, channels, batch_first=True)

    def forward(self, e: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(..., N, C_l) and (..., N) bool, padding at the end -> (..., 1, C_l), (..., 1) True."""
        return last_real(hidden_states(self.lstm, e), mask)[..., None, :], mask[..., :1]


def hidden_states(lstm: nn.LSTM, e: Tensor) -> Tensor:
    """(..., N, C) -> (..., N, H), the hidden state after each word."""
    return lstm(e.flatten(0, -3))[0].unflatten(0, e.shape[:-2])


def last_real(states: Tensor, mask: Tensor) -> Tensor:
    """(..., N, C) and (..., N) bool -> (..., C), the state after the last real word."""
    last = mask.sum(-1, keepdim=True)[..., None] - 1
    return states.gather(-2, last.expand(*states.shape[:-2], 1, states.shape[-1])).squeeze(-2)


class MultimodalLSTM(nn.Module):
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
        self.language = nn.LSTM(words, words, batch_first=True)
        self.from_spatial = nn.Linear(spatial, 4 * channels)
        self.from_words = nn.Linear(2 * words, 4 * channels, bias=False)
        self.recurrent = nn.Linear(channels, 4 * channels, bias=False)
        self.channels = channels

    def forward(self, x: Tensor, e: Tensor, mask: Tensor) -> Pooled:
        """As CrossModalSelfAttention.forward. The sentence is the last of the h_n."""
        heard = hidden_states(self.language, e)
        spatial, words = self.from_spatial(x), self.from_words(torch.cat([heard, e], -1))
        state = spatial.new_zeros(*e.shape[:-2], x.shape[-2], self.channels)
        memory = state
        for n in range(e.shape[-2]):
            gates = spatial + words[..., n : n + 1, :] + self.recurrent(state)
            take, keep, new, show = gates.chunk(4, -1)
            after = keep.sigmoid() * memory + take.sigmoid() * new.tanh()
            real = mask[..., n, None, None]
            memory = torch.where(real, after, memory)
            state = torch.where(real, show.sigmoid() * after.tanh(), state)
        return Pooled(state, equal_weights(e[..., 0], mask), last_real(heard, mask))
