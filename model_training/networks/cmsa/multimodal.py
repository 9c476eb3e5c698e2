"""From features of every word, f^_pn, to one feature f^_p: word attention-aware pooling (Eq. 4-5)."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Pooled(NamedTuple):
    """What is left of the words."""

    features: Tensor
    """(..., P, C) f^_p of Eq. 5."""
    weights: Tensor
    """(..., N) a_n of Eq. 4, zero for padding; rows sum to one. Equal where the pooling does not weigh the words."""
    sentence: Tensor
    """(..., C_l) the word vectors, pooled with the same weights."""


def received_weights(received: Tensor, mask: Tensor, gain: float) -> Tensor:
    """a_n (..., N) of Eq. 4: the softmax over the real words of the attention that each receives, times `gain`.

    Read as it is written, Eq. 4 would sum what each word gives, which is the same for all words.
    """
    return (gain * received).masked_fill(~mask, float("-inf")).softmax(-1)
