"""Cross-modal self-attention with word attention-aware pooling (Sec. 3.2, Eq. 1-5), exact, without a (P*N)^2 matrix.

Every position p with every word n attends to every other such pair. Queries, keys and values are linear in f_pn, and
f_pn is a spatial part x_p = [v_p ; s_p] beside a word part e_n, so each splits in two:

    q_pn = A_p + B_n        k_pn = C_p + D_n        v_pn = E_p + F_n

and the softmax over pairs (p', n') of k_pn . q_p'n' is the product of a softmax over p' and one over n':

    v^_pn = softmax_p'(k_pn . A_p') E  +  softmax_n'(k_pn . B_n') F                                  (Eq. 2-3, exactly)

Only the sum of v^_pn over words, weighted by the word attention a_n, is ever needed (Eq. 5 is linear).
`docs/architecture.md` derives both forms below and says when which one is safe.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_training.networks.cmsa.multimodal import Multimodal, Pooled, received_weights
from model_training.networks.layers.cosine import bounded, new_scale, unit


class Projections(NamedTuple):
    """The parts of query, key and value (Eq. 2) from x_p: A, C and E (..., P, d); or from e_n: B, D and F (..., N, d).
    With several heads, their axis comes before that of positions or words.
    """

    query: Tensor
    key: Tensor
    value: Tensor


Keys = tuple[Tensor, Tensor]
"""C (..., P, d) and D (..., N, d)."""


BLOCK = 10**5
"""Most numbers of a head's P x P attention that are made at a time. They fit a core's cache, and the whole attention of
1200 positions would be 6 MB for each head and expression.
"""


class FactoredSoftmax(NamedTuple):
    """softmax over k of g_pk + h_nk as m_pk w_nk / z_pn: nothing of size P*N*K is made. For bounded logits."""

    m: Tensor
    """(..., P, K) softmax of g, that is exp(g) up to a factor on each row, which cancels with z."""
    w: Tensor
    """(..., N, K) softmax of h, likewise."""
    z: Tensor
    """(..., P, N) = m w^T."""

    @classmethod
    def of(cls, g: Tensor, h: Tensor, mask: Tensor | None = None) -> FactoredSoftmax:
        """From logits (..., P, K) and (..., N, K); `mask` (..., K) bool is False for keys that do not count."""
        if mask is not None:  # masking h is enough: m is always multiplied by w
            h = h.masked_fill(~mask[..., None, :], float("-inf"))
        m, w = g.softmax(-1), h.softmax(-1)
        return cls(m, w, m @ w.transpose(-1, -2))

    def pooled(self, weights: Tensor) -> Tensor:
        """(..., N) weights of the words -> (..., P, K): the weighted sum over n of the softmax."""
        return self.m * ((weights[..., None, :] / self.z) @ self.w)


class PlainSoftmax(NamedTuple):
    """The same for any logits, at the price of a (..., P, N, K) tensor: for the words, because they are few."""

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
    rows = max(1, BLOCK // a.shape[-2])
    if c.shape[-2] > rows:
        return torch.cat([pooled_attention(a, block, d, e, weights) for block in c.split(rows, -2)], -2)
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


class CrossModalSelfAttention(Multimodal):
    """f_pn -> f^_p: attention over all pairs of position and word, then pooling over the words.

    Args:
        spatial: channels of x_p, that is C_v + 8.
        words: channels of e_n, C_l.
        channels: d of queries, keys and values.
        cosine: cosine queries and keys (A, B, C and D of unit length) with a learnable scale of at most MAX_SCALE;
            otherwise the paper's plain inner product.
        pooled: computed in the pooled form instead of the paired one. For bounded logits, that is with `cosine`.
        gain: factor on the received attention before the softmax of Eq. 4.
        heads: each attends with its share of the channels; all use the same word weights.
    """

    reads: tuple[str, ...] = Projections._fields

    def __init__(
        self,
        spatial: int,
        words: int,
        channels: int,
        cosine: bool = False,
        pooled: bool = False,
        gain: float = 1.0,
        heads: int = 1,
    ) -> None:
        super().__init__()
        self.from_spatial = nn.Linear(spatial, 3 * channels)  # columns of W_q, W_k, W_v for x_p, and the biases
        self.from_words = nn.Linear(words, 3 * channels, bias=False)  # their columns for e_n
        self.output = nn.Linear(channels, spatial + words)  # W_v^
        self.scale = new_scale(heads) if cosine else None
        self.softmax, self.attend = (FactoredSoftmax, pooled_attention) if pooled else (PlainSoftmax, paired_attention)
        self.gain, self.heads = gain, heads
        self.channels = spatial + words

    def read(self, e: Tensor) -> Projections:
        """B, D and F of Eq. 2."""
        return self._bounded(self.from_words(e))

    def forward(self, x: Tensor, e: Tensor, mask: Tensor, read: tuple[Tensor, ...]) -> Pooled:
        """See Multimodal."""
        seen, said = self.see(x), Projections(*read)
        keys = seen.key, said.key
        return self.pool(x, e, mask, seen, said, keys, keys)

    def see(self, x: Tensor) -> Projections:
        """A, C and E of Eq. 2."""
        return self._bounded(self.from_spatial(x))

    def _bounded(self, projected: Tensor) -> Projections:
        query, key, value = (self._by_head(part) for part in projected.chunk(3, -1))
        if self.scale is not None:
            query, key = unit(query), bounded(self.scale) * unit(key)
        return Projections(query, key, value)

    def pool(
        self, x: Tensor, e: Tensor, mask: Tensor, seen: Projections, said: Projections, to_pixels: Keys, to_words: Keys
    ) -> Pooled:
        """Eq. 3-5. The keys (C, D) that are multiplied with A may differ from those that are multiplied with B."""
        several = self.heads > 1
        real = mask[..., None, :] if several else mask
        shares = self.softmax.of(*(key @ said.query.transpose(-1, -2) for key in to_words), real)  # softmax over n'
        # Eq. 4 is read as the attention that a word receives. Summed over keys it would be the same for all words.
        received = shares.pooled(real.to(x.dtype)).mean(-2)
        weights = self.weigh(received.mean(-2) if several else received, mask)
        by_word = weights[..., None, :] if several else weights
        attended = self.attend(seen.query, *to_pixels, seen.value, by_word) + shares.pooled(by_word) @ said.value
        if several:
            attended = attended.transpose(-2, -3).flatten(-2)
        sentence = weights[..., None, :] @ e
        lead = attended.shape[:-2]
        residual = [x.expand(*lead, -1, -1), sentence.expand(*lead, x.shape[-2], -1)]
        return Pooled(self.output(attended) + torch.cat(residual, -1), weights, sentence.squeeze(-2))

    def _by_head(self, part: Tensor) -> Tensor:
        """(..., P, d) -> (..., heads, P, d / heads); unchanged with one head."""
        return part.unflatten(-1, (self.heads, -1)).transpose(-2, -3) if self.heads > 1 else part

    def weigh(self, received: Tensor, mask: Tensor) -> Tensor:
        """a_n of the attention that each word receives, both (..., N)."""
        return received_weights(received, mask, self.gain)
