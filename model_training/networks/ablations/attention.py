"""CMSA with some of its inner products only (Table 2, top), and with another pooling over the words (Table 1)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from model_training.networks.ablations.pooling import POOLINGS, equal_weights, pairs, pool_pairs
from model_training.networks.cmsa.attention import (
    CrossModalSelfAttention,
    Keys,
    PlainSoftmax,
    Projections,
    attention_of_pairs,
)
from model_training.networks.cmsa.multimodal import Multimodal, Pooled
from model_training.networks.config import chosen


class Components(NamedTuple):
    """Which inner products of k_pn = C_p + D_n with q_p'n' = A_p' + B_n' are kept; the others are set to zero."""

    pixel_to_pixel: bool
    """C . A"""
    word_to_pixel: bool
    """D . A"""
    pixel_to_word: bool
    """C . B"""
    word_to_word: bool
    """D . B"""


ATTENTIONS = {
    "none": Components(False, False, False, False),
    "word": Components(False, False, False, True),
    "pixel": Components(True, False, False, False),
    "pair": Components(False, True, True, False),
    "cross-modal": Components(True, True, True, True),
}
"""The attention methods of Table 2: what each keeps of Eq. 3. "none" also leaves out v^_pn."""


class PartialSelfAttention(CrossModalSelfAttention):
    """CrossModalSelfAttention with some inner products and any pooling.

    Args:
        spatial, words, channels, cosine, pooled, gain: as there.
        kept: one of ATTENTIONS.
        pooling: one of POOLINGS. Max pooling needs every pair, so it costs as much as the paired form.
    """

    def __init__(
        self,
        spatial: int,
        words: int,
        channels: int,
        cosine: bool,
        pooled: bool,
        gain: float,
        kept: Components,
        pooling: str,
    ) -> None:
        super().__init__(spatial, words, channels, cosine, pooled, gain)
        self.kept = kept
        self.pooling = chosen("pooling", pooling, POOLINGS)

    def forward(self, x: Tensor, e: Tensor, mask: Tensor, read: tuple[Tensor, ...]) -> Pooled:
        """See Multimodal."""
        seen, said = self.see(x), Projections(*read)
        to_pixels = _kept(seen.key, self.kept.pixel_to_pixel), _kept(said.key, self.kept.word_to_pixel)
        to_words = _kept(seen.key, self.kept.pixel_to_word), _kept(said.key, self.kept.word_to_word)
        pool = self.pool if self.pooling is not None else self._greatest
        return pool(x, e, mask, seen, said, to_pixels, to_words)

    def weigh(self, received: Tensor, mask: Tensor) -> Tensor:
        """As CrossModalSelfAttention.weigh."""
        assert self.pooling is not None
        return self.pooling(received, mask, self.gain)

    def _greatest(
        self, x: Tensor, e: Tensor, mask: Tensor, seen: Projections, said: Projections, to_pixels: Keys, to_words: Keys
    ) -> Pooled:
        """As CrossModalSelfAttention.pool, with every pair's f^_pn in memory."""
        shares = PlainSoftmax.of(*(key @ said.query.transpose(-1, -2) for key in to_words), mask)
        attended = attention_of_pairs(seen.query, *to_pixels, seen.value)
        attended = attended + shares.attention @ said.value[..., None, :, :]
        return pool_pairs(None, self.output(attended) + pairs(x, e), e, mask, torch.zeros_like(e[..., 0]), self.gain)


class NoAttention(Multimodal):
    """Pools f_pn itself: v^_pn of Eq. 2 is zero. No word receives attention, so all weigh the same.

    Args:
        channels: C_v + 8 + C_l.
        pooling: one of POOLINGS.
    """

    def __init__(self, channels: int, pooling: str) -> None:
        super().__init__()
        self.weigh = chosen("pooling", pooling, POOLINGS)
        self.channels = channels

    def forward(self, x: Tensor, e: Tensor, mask: Tensor, read: tuple[Tensor, ...]) -> Pooled:
        """See Multimodal."""
        weigh = None if self.weigh is None else equal_weights
        return pool_pairs(weigh, pairs(x, e), e, mask, torch.zeros_like(e[..., 0]), 1.0)


def _kept(keys: Tensor, kept: bool) -> Tensor:
    return keys if kept else torch.zeros_like(keys)
