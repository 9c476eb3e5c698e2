"""From the levels to masks, the deepest first; the `topdown` decoder is [inferred].

Each decoder takes X_3, X_4, X_5 of LMDF, and C_2 and C_1 of the CNN; C_1 is conv1 after its max-pooling, at stride 4 as
C_2 is, since the mask is of stride 4.
"""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from model_training.networks.layers.blocks import convolution


class Decoded(NamedTuple):
    """What the heads say."""

    finest: Tensor
    """(M, C, H/4, W/4)."""
    mask: Tensor
    """(M, 1, H, W) logits."""
    coarse: tuple[Tensor, ...]
    """Mask logits of other heads, (M, 1, h, w)."""
    edges: tuple[Tensor, ...] = ()
    """Logits of the outline, (M, 1, h, w)."""


def resized(features: Tensor, like: Tensor) -> Tensor:
    """Bilinear, to the size of another map."""
    if features.shape[-2:] == like.shape[-2:]:
        return features
    return F.interpolate(features, like.shape[-2:], mode="bilinear", align_corners=False)


def enlarged(mask: Tensor) -> Tensor:
    """A mask of stride 4 at the size of the input, bilinear."""
    height, width = mask.shape[-2:]
    return F.interpolate(mask, (4 * height, 4 * width), mode="bilinear", align_corners=False)


class TopDown(nn.Module):
    """O_5 = CBR(X_5); O_i = CBR(up O_{i+1} + lateral), with a head on each.

    Args:
        channels: of X and of all maps here.
        c2, c1: channels of C_2 and C_1.
    """

    def __init__(self, channels: int, c2: int, c1: int) -> None:
        super().__init__()
        self.finest_channels = channels
        self.lateral = nn.ModuleList([convolution(c2, channels, 1), convolution(c1, channels, 1)])
        self.merge = nn.ModuleList(convolution(channels, channels) for _ in range(5))
        self.heads = nn.ModuleList(
            nn.Sequential(convolution(channels, channels), nn.Conv2d(channels, 1, 1)) for _ in range(5)
        )

    def forward(self, levels: list[Tensor], c2: Tensor, c1: Tensor) -> Decoded:
        """X_3 to X_5 (deepest last), C_2 and C_1 -> the map, the masks and the outlines."""
        x3, x4, x5 = levels
        out = self.merge[0](x5)
        masks = [self.heads[0](out)]
        sides = [x4, x3, self.lateral[0](c2), self.lateral[1](c1)]
        for side, merge, head in zip(sides, self.merge[1:], self.heads[1:], strict=True):
            out = merge(resized(out, side) + side)
            masks.append(head(out))
        return Decoded(out, enlarged(masks[-1]), tuple(masks[:-1]))
