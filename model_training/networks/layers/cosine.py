"""Cosine attention: queries and keys of unit length with a learnable scale, so that logits are bounded."""

from __future__ import annotations

import torch
from torch import Tensor, nn

MAX_SCALE = 10.0
"""Bound of the learnable scale: e^(-4 * 10), which the pooled form of CMSA meets, is still a normal float32."""

NORM_EPSILON = 1e-4
"""Far below this a vector's norm counts as zero; smaller values vanish in float16."""


def new_scale(heads: int = 1) -> nn.Parameter:
    """The learnable scale, at its start; of several heads (heads, 1, 1)."""
    return nn.Parameter(torch.tensor(4.0) if heads == 1 else torch.full((heads, 1, 1), 4.0))


def bounded(scale: Tensor) -> Tensor:
    """The scale within its bound, on either side of zero."""
    return scale.clamp(-MAX_SCALE, MAX_SCALE)


def unit(vectors: Tensor) -> Tensor:
    """L2-normalise the last axis. Written as RMS norm with a weight, which is one operator in ONNX Runtime."""
    channels = vectors.shape[-1]
    square = (vectors**2).mean(-1, keepdim=True) + NORM_EPSILON**2 / channels
    return vectors / square.sqrt() * vectors.new_full((channels,), channels**-0.5)
