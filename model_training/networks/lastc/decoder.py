"""From both streams' stages to masks, the deepest stage first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_training.networks.config import chosen
from model_training.networks.lastc.config import LastcConfig
from model_training.networks.lastc.lasp import PROPAGATIONS, Language
from model_training.networks.lastc.lgfs import SELECTIONS
from model_training.networks.layers.blocks import convolution


class Decoded(NamedTuple):
    """What the heads say."""

    finest: Tensor
    """O_1 (M, C, H/2, W/2)."""
    masks: tuple[Tensor, ...]
    """Mask logits (M, 1, h, w) of strides 32, 16, 8, 4, 2 and 1."""


def twice(features: Tensor) -> Tensor:
    """(M, C, h, w) -> (M, C, 2h, 2w), bilinear, corners on corners [code]."""
    height, width = features.shape[-2:]
    return F.interpolate(features, (2 * height, 2 * width), mode="bilinear", align_corners=True)


def head(channels: int) -> nn.Sequential:
    """(M, C, h, w) -> (M, 1, h, w) mask logits."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(channels, 1, 1),
    )


class Decoder(nn.Module):
    """O_5 = M_5; O_i = CBR([up O_{i+1}; M_i]) [code], after LASP has updated M_i [inferred place].

    Args:
        spatial, temporal: channels of the stages of either stream.
        config: of the network.
    """

    def __init__(self, spatial: Sequence[int], temporal: Sequence[int], config: LastcConfig) -> None:
        super().__init__()
        width, text = config.decoder_channels, config.text_channels
        select = chosen("fuse", config.fuse, SELECTIONS)
        propagate = chosen("lasp", config.lasp, PROPAGATIONS)
        self.of_spatial = nn.ModuleList(convolution(channels, width) for channels in spatial)
        self.of_temporal = nn.ModuleList(convolution(channels, width) for channels in temporal)
        self.fuse = nn.ModuleList(select(width, text) for _ in spatial)
        self.lasp = nn.ModuleList(propagate(config) for _ in spatial[1:]) if propagate else None
        self.merge = nn.ModuleList(convolution(2 * width, width) for _ in spatial[1:])
        self.head320 = config.head320
        self.heads = nn.ModuleList(head(width) for _ in range(len(spatial) + self.head320))

    def forward(self, spatial: Sequence[Tensor], temporal: Sequence[Tensor], language: Language) -> Decoded:
        """Stages (M, C_i, h_i, w_i) of each stream, the shallowest first; the temporal ones at the target's time."""
        masks: list[Tensor] = []
        out: Tensor | None = None
        for index in reversed(range(len(spatial))):
            pair = self.of_spatial[index](spatial[index]), self.of_temporal[index](temporal[index])
            fused = self.fuse[index](*pair, language.sentence)
            if out is not None:
                if self.lasp is not None:
                    fused = self.lasp[index](out, fused, language)
                out = self.merge[index](torch.cat([twice(out), fused], 1))
            else:
                out = fused
            masks.append(self.heads[index](out))
        masks.append(self.heads[-1](twice(out)) if self.head320 else twice(masks[-1]))
        return Decoded(out, tuple(masks))
