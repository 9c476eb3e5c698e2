"""From x_p and e_n to one feature f^_p for each position; CMSA is one way. Also the word weights of Eq. 4."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn


class Pooled(NamedTuple):
    """The result of pooling over the words."""

    features: Tensor
    """(..., P, C) f^_p of Eq. 5."""
    weights: Tensor
    """(..., N) a_n of Eq. 4, zero for padding; rows sum to one. Equal where the pooling does not weigh the words."""
    sentence: Tensor
    """(..., C_l) the word vectors, pooled with the same weights."""


class Multimodal(nn.Module, ABC):
    """Makes f^_p.

    Attributes:
        channels: of f^_p.
        reads: names of what `read` gives.
    """

    channels: int
    reads: tuple[str, ...] = ()

    def read(self, e: Tensor) -> tuple[Tensor, ...]:
        """What it makes of the word vectors (..., N, C_l) alone, once for all frames; rows are words."""
        return ()

    @abstractmethod
    def forward(self, x: Tensor, e: Tensor, mask: Tensor, read: tuple[Tensor, ...]) -> Pooled:
        """One level.

        Args:
            x: (..., P, C_v + 8) spatial parts; its leading dimensions may broadcast against those of e.
            e: (..., N, C_l) word vectors.
            mask: (..., N) bool, True for real words; at least one.
            read: what `read` makes of e.
        """


def received_weights(received: Tensor, mask: Tensor, gain: float) -> Tensor:
    """a_n (..., N) of Eq. 4: the softmax over the real words of `gain` times the attention that each receives.

    Taken literally, Eq. 4 sums the attention that each word gives, which is the same for all words.
    """
    return (gain * received).masked_fill(~mask, float("-inf")).softmax(-1)
