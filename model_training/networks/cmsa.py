"""Cross-modal self-attention with word attention-aware pooling (Sec. 3.2, Eq. 1-5), exact, without a (P*N)^2 matrix.

Every position p with every word n attends to every other such pair. Queries, keys and values are linear in f_pn, and
f_pn is a spatial part x_p = [v_p ; s_p] beside a word part e_n, so each splits in two:

    q_pn = A_p + B_n        k_pn = C_p + D_n        v_pn = E_p + F_n

and the softmax over pairs (p', n') of k_pn . q_p'n' is the product of a softmax over p' and one over n':

    v^_pn = softmax_p'(k_pn . A_p') E  +  softmax_n'(k_pn . B_n') F                                  (Eq. 2-3, exactly)

Of this only the pooled sum over words, weighted by the word attention a_n, is ever needed (Eq. 5 is linear).
`docs/architecture.md` derives both forms below and says when which one is safe. `docs/ablations.md` describes what may
take the place of the whole attention and of its pooling.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_training.networks.config import chosen
from model_training.networks.pooling import POOLINGS, Pooled, pairs, pool_pairs

MAX_SCALE = 10.0
"""Bound of the learnable scale of cosine queries and keys: e^(-4 * 10) is still a normal float32."""

NORM_EPSILON = 1e-4
"""Below this a vector's norm counts as zero; smaller values vanish in float16."""


class Components(NamedTuple):
    """Which of the inner products of k_pn = C_p + D_n with q_p'n' = A_p' + B_n' there are; the others are zero."""

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
"""The attention methods of Table 2: what of Eq. 3 each keeps. With none there is no v^_pn at all."""


class FactoredSoftmax(NamedTuple):
    """softmax over k of g_pk + h_nk as m_pk w_nk / z_pn: nothing of size P*N*K is made. For bounded logits."""

    m: Tensor
    """(..., P, K) exp(g), each row shifted by its maximum, which cancels."""
    w: Tensor
    """(..., N, K) exp(h), likewise."""
    z: Tensor
    """(..., P, N) = m w^T."""

    @classmethod
    def of(cls, g: Tensor, h: Tensor, mask: Tensor | None = None) -> FactoredSoftmax:
        """From logits (..., P, K) and (..., N, K); `mask` (..., K) bool is False for keys that do not count."""
        if mask is not None:
            g, h = (part.masked_fill(~mask[..., None, :], float("-inf")) for part in (g, h))
        m, w = ((part - part.amax(-1, keepdim=True)).exp() for part in (g, h))
        return cls(m, w, m @ w.transpose(-1, -2))

    def pooled(self, weights: Tensor) -> Tensor:
        """(..., N) weights of the words -> (..., P, K): the weighted sum over n of the softmax."""
        return self.m * ((weights[..., None, :] / self.z) @ self.w)


class PlainSoftmax(NamedTuple):
    """The same for any logits, at the price of a (..., P, N, K) tensor: for the words, of which there are few."""

    attention: Tensor

    @classmethod
    def of(cls, g: Tensor, h: Tensor, mask: Tensor) -> PlainSoftmax:
        """As FactoredSoftmax.of."""
        logits = g[..., :, None, :] + h[..., None, :, :]
        return cls(logits.masked_fill(~mask[..., None, None, :], float("-inf")).softmax(-1))

    def pooled(self, weights: Tensor) -> Tensor:
        """As FactoredSoftmax.pooled."""
        return torch.einsum("...n,...pnk->...pk", weights, self.attention)


def pooled_attention(a: Tensor, c: Tensor, d: Tensor, e: Tensor, weights: Tensor) -> Tensor:
    """sum_n a_n softmax_p'((C_p + D_n) . A_p') E_p' by a single P x P attention. For bounded logits.

    Args:
        a, c, e: (..., P, d) spatial parts of queries, keys, values.
        d: (..., N, d) word part of the keys.
        weights: (..., N) word attention, which is zero for padding.

    Returns:
        (..., P, d).
    """
    return FactoredSoftmax.of(c @ a.transpose(-1, -2), d @ a.transpose(-1, -2)).pooled(weights) @ e


def paired_attention(a: Tensor, c: Tensor, d: Tensor, e: Tensor, weights: Tensor) -> Tensor:
    """The same by one attention with P*N queries, N times more work. Safe for any logits."""
    attended = attention_of_pairs(a, c, d, e)
    return torch.einsum("...n,...pnd->...pd", weights.expand(*attended.shape[:-3], -1), attended)


def attention_of_pairs(a: Tensor, c: Tensor, d: Tensor, e: Tensor) -> Tensor:
    """softmax_p'((C_p + D_n) . A_p') E_p' of every pair: arguments as in `pooled_attention` -> (..., P, N, d)."""
    positions, words = c.shape[-2], d.shape[-2]
    keys = (c[..., :, None, :] + d[..., None, :, :]).flatten(-3, -2)
    lead = keys.shape[:-2]
    a, e = a.expand(*lead, -1, -1), e.expand(*lead, -1, -1)
    return F.scaled_dot_product_attention(keys, a, e, scale=1.0).unflatten(-2, (positions, words))


class CrossModalSelfAttention(nn.Module):
    """f_pn -> f^_p: attention over all pairs of position and word, then pooling over the words.

    Args:
        spatial: channels of x_p, that is C_v + 8.
        words: channels of e_n, C_l.
        channels: d of queries, keys and values.
        bounded: cosine queries and keys (A, B, C and D of unit length) with a learnable scale of at most MAX_SCALE, and
            with it the pooled form; otherwise the paper's plain inner product, and the paired form.
        gain: factor on the received attention before the softmax of Eq. 4.
        kept: one of ATTENTIONS.
        pooling: one of pooling.POOLINGS. The greatest over words needs every pair, at the price of the paired form.

    Raises:
        ValueError: there is no such pooling.
    """

    def __init__(
        self,
        spatial: int,
        words: int,
        channels: int,
        bounded: bool = False,
        gain: float = 1.0,
        kept: Components = ATTENTIONS["cross-modal"],
        pooling: str = "word",
    ) -> None:
        super().__init__()
        self.from_spatial = nn.Linear(spatial, 3 * channels)  # columns of W_q, W_k, W_v for x_p, and the biases
        self.from_words = nn.Linear(words, 3 * channels, bias=False)  # their columns for e_n
        self.output = nn.Linear(channels, spatial + words)  # W_v^
        self.scale = nn.Parameter(torch.tensor(4.0)) if bounded else None
        self.gain = gain
        self.kept = kept
        self.weigh = chosen("pooling", pooling, POOLINGS)
        self.channels = spatial + words

    def forward(self, x: Tensor, e: Tensor, mask: Tensor) -> Pooled:
        """One level.

        Args:
            x: (..., P, C_v + 8) spatial parts; its leading dimensions may broadcast against those of e.
            e: (..., N, C_l) word vectors.
            mask: (..., N) bool, True for real words; at least one.
        """
        a, c, value_x = self.from_spatial(x).chunk(3, -1)
        b, d, value_e = self.from_words(e).chunk(3, -1)
        if self.scale is not None:
            scale = self.scale.clamp(max=MAX_SCALE)
            a, b, c, d = (F.normalize(part, dim=-1, eps=NORM_EPSILON) for part in (a, b, c, d))
            c, d = scale * c, scale * d

        near = _kept(c, self.kept.pixel_to_word), _kept(d, self.kept.word_to_word)
        far = _kept(c, self.kept.pixel_to_pixel), _kept(d, self.kept.word_to_pixel)
        by_words = [part @ b.transpose(-1, -2) for part in near]  # k_pn . B_n'
        real = mask.to(x.dtype)
        if self.weigh is None:
            to_each = PlainSoftmax.of(*by_words, mask)
            attended = attention_of_pairs(a, *far, value_x) + to_each.attention @ value_e[..., None, :, :]
            features = self.output(attended) + pairs(x, e)
            return pool_pairs(None, features, e, mask, to_each.pooled(real).mean(-2), self.gain)
        softmax, attend = PlainSoftmax, paired_attention
        if self.scale is not None:
            softmax, attend = FactoredSoftmax, pooled_attention
        to_words = softmax.of(*by_words, mask)  # softmax over n'
        # Eq. 4 is read as the attention that a word receives. Summed over keys it would be the same for all words.
        received = to_words.pooled(real).mean(-2)
        weights = self.weigh(received, mask, self.gain)
        attended = attend(a, *far, value_x, weights) + to_words.pooled(weights) @ value_e
        sentence = weights[..., None, :] @ e
        lead = attended.shape[:-2]
        residual = [x.expand(*lead, -1, -1), sentence.expand(*lead, x.shape[-2], -1)]
        return Pooled(self.output(attended) + torch.cat(residual, -1), weights, sentence.squeeze(-2))


def _kept(keys: Tensor, kept: bool) -> Tensor:
    return keys if kept else torch.zeros_like(keys)
