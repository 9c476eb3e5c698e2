"""PPM: a map as the means of its bins, at four scales (Zhao et al., CVPR 2017) [paper: BRINet-J]."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

BINS = (1, 3, 6, 8)
"""110 cells in all."""


def along(size: int, bins: int, like: Tensor) -> Tensor:
    """(bins, size) share of each place in the mean of each bin."""
    return F.adaptive_avg_pool1d(torch.eye(size, dtype=like.dtype), bins).T.to(like.device)


def pyramid(features: Tensor, bins: Sequence[int] = BINS) -> Tensor:
    """(M, C, h, w) -> (M, cells, C), the cells of each scale row by row."""
    scales = []
    for count in bins:
        down, across = (along(size, count, features) for size in features.shape[-2:])
        scales.append((down @ features @ across.T).flatten(2))
    return torch.cat(scales, -1).transpose(1, 2)
