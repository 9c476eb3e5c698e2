"""CMSA in the form of the CVPR paper's code: a ReLU follows each projection, and what is attended to is max-pooled.

With either, q, k and v do not split into a part of the position and a part of the word, so all pairs attend to all
pairs. The work is (P*N)^2, divided by what `key_pooling` pools; the whole matrix is never in memory.
"""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from model_training.networks.ablations.over_words import over_words
from model_training.networks.ablations.pooling import POOLINGS, pairs, pool_pairs
from model_training.networks.cmsa.attention import CrossModalSelfAttention
from model_training.networks.cmsa.multimodal import Pooled, received_weights
from model_training.networks.config import chosen
from model_training.networks.layers.cosine import bounded, unit


class PairwiseSelfAttention(CrossModalSelfAttention):
    """f_pn -> f^_p with the parameters of CrossModalSelfAttention. Without ReLU and key pooling both give the same,
    except with `cosine`: here the whole q_pn and k_pn have unit length, not their parts.

    Args:
        spatial, words, channels, cosine, gain: as there.
        pooling: one of POOLINGS; word attention needs a `key_pooling` that merges no words.
        size: (H, W) of the positions.
        rectified: whether a ReLU follows the projections to q, k and v, and the one from v^.
        key_pooling: words, rows and columns of the windows over which q_p'n' and v_p'n' are max-pooled. Windows do not
            overlap, and those at the end may be smaller.
    """

    reads: tuple[str, ...] = ("parts",)

    def __init__(
        self,
        spatial: int,
        words: int,
        channels: int,
        cosine: bool,
        gain: float,
        pooling: str,
        size: tuple[int, int],
        rectified: bool,
        key_pooling: tuple[int, int, int],
    ) -> None:
        super().__init__(spatial, words, channels, cosine, gain=gain)
        self.pooling = chosen("pooling", pooling, POOLINGS)
        self.size, self.rectified, self.key_pooling = size, rectified, key_pooling

    def read(self, e: Tensor) -> tuple[Tensor]:
        """The words' part of q_pn, k_pn and v_pn, side by side."""
        return (self.from_words(e),)

    def forward(self, x: Tensor, e: Tensor, mask: Tensor, read: tuple[Tensor, ...]) -> Pooled:
        """See Multimodal."""
        parts = self.from_spatial(x)[..., :, None, :] + read[0][..., None, :, :]
        query, key, value = self._rectify(parts).chunk(3, -1)  # (..., P, N, d)
        if self.scale is not None:
            query, key = unit(query), bounded(self.scale) * unit(key)
        real = mask[..., :: self.key_pooling[0]]  # for windows: padding is last, so the first word decides
        query, value = (self._windows(part, mask, real) for part in (query, value))  # (..., N', P', d)
        open_keys = real[..., None].expand(*query.shape[:-1]).flatten(-2)
        rows, columns, values = (part.flatten(-3, -2) for part in (key, query, value))
        attended = F.scaled_dot_product_attention(rows, columns, values, open_keys[..., None, :], scale=1.0)  # Eq. 2-3
        features = self._rectify(self.output(attended.unflatten(-2, key.shape[-3:-1]))) + pairs(x, e)
        received = torch.zeros_like(e[..., 0])
        if self.pooling is received_weights:
            shares = _shares
            if torch.is_grad_enabled():  # one word's rows of Eq. 3 at a time, recomputed for the gradient
                shares = partial(checkpoint, _shares, use_reentrant=False)

            def add(word: Tensor, before: Tensor) -> tuple[Tensor]:
                return (before + shares(word, query, open_keys),)

            (received,) = over_words(add, (received,), key.movedim(-2, 0), mask)
        return pool_pairs(self.pooling, features, e, mask, received, self.gain)

    def _rectify(self, features: Tensor) -> Tensor:
        return F.relu(features) if self.rectified else features

    def _windows(self, part: Tensor, mask: Tensor, real: Tensor) -> Tensor:
        """(..., P, N, d) -> (..., N', P', d), the greatest of each window; zero where it holds no real word."""
        volume = part.transpose(-3, -2)  # (..., N, P, d)
        if self.key_pooling == (1, 1, 1):
            return volume
        lead = volume.shape[:-3]
        volume = volume.masked_fill(~mask[..., None, None], float("-inf")).movedim(-1, -3)
        volume = volume.reshape(-1, *volume.shape[-3:-1], *self.size)  # (B, d, N, H, W)
        windows = F.max_pool3d(volume, self.key_pooling, ceil_mode=True).flatten(-2).movedim(-3, -1)
        windows = windows.reshape(*lead, *windows.shape[1:])
        return windows.masked_fill(~real[..., None, None], 0.0)


def _shares(key: Tensor, query: Tensor, open_keys: Tensor) -> Tensor:
    """Keys (..., P, d) of one word, queries (..., N', P', d), their mask (..., N'*P') -> (..., N'): the attention that
    the word gives to each word, mean over its positions.
    """
    logits = key @ query.flatten(-3, -2).transpose(-1, -2)
    attention = logits.masked_fill(~open_keys[..., None, :], float("-inf")).softmax(-1)
    return attention.unflatten(-1, query.shape[-3:-1]).sum(-1).mean(-2)
