"""What the paper compares word attention-aware pooling with in Table 1: mean and max pooling over the words."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from model_training.networks.cmsa.multimodal import Pooled, received_weights


def equal_weights(received: Tensor, mask: Tensor, gain: float = 1.0) -> Tensor:
    """One over the number of real words, zero for padding; `received` only gives the dtype."""
    shares = mask.to(received.dtype)
    return shares / shares.sum(-1, keepdim=True)


Weigh = Callable[[Tensor, Tensor, float], Tensor]

POOLINGS: dict[str, Weigh | None] = {"max": None, "mean": equal_weights, "word": received_weights}
"""Name -> what makes a_n (..., N) from received attention (..., N), the mask of real words (..., N) and the gain. Max
pooling has no such weights."""


def pairs(x: Tensor, e: Tensor) -> Tensor:
    """f_pn: (..., P, C_x), (..., N, C_e) -> (..., P, N, C_x + C_e)."""
    lead, positions, words = e.shape[:-2], x.shape[-2], e.shape[-2]
    spatial = x.expand(*lead, -1, -1)[..., :, None, :].expand(*lead, positions, words, -1)
    return torch.cat([spatial, e[..., None, :, :].expand(*lead, positions, words, -1)], -1)


def pool_pairs(weigh: Weigh | None, features: Tensor, e: Tensor, mask: Tensor, received: Tensor, gain: float) -> Pooled:
    """Pool over the words.

    Args:
        weigh: one of POOLINGS.
        features: (..., P, N, C) f^_pn.
        e: (..., N, C_l).
        mask: (..., N) bool.
        received: (..., N) attention that each word receives.
        gain: of `received_weights`.
    """
    if weigh is None:
        closed = ~mask[..., None]
        highest = features.masked_fill(closed[..., None, :, :], float("-inf")).amax(-2)
        return Pooled(highest, equal_weights(received, mask), e.masked_fill(closed, float("-inf")).amax(-2))
    weights = weigh(received, mask, gain)
    pooled = torch.einsum("...n,...pnc->...pc", weights, features)
    return Pooled(pooled, weights, (weights[..., None, :] @ e).squeeze(-2))
