"""What is computed once per frame, whatever is asked: features of three levels and their CFSA projections."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_training.networks.cmsa.cfsa import CLIP_VALUES, ClipProjection
from model_training.networks.config import NetworkConfig, chosen
from model_training.networks.layers.backbone import DEPTHS, ResNet
from model_training.networks.layers.colour import ColourStem, beside, luminance
from model_training.networks.layers.coordinates import COORDINATES, WAVES, coordinate_map, coordinate_waves
from model_training.networks.layers.efficientnet import EfficientNetLite

Ring = tuple[tuple[Tensor, Tensor, Tensor], ...]
"""Per level: query, key, value of CFSA."""


class Encoding(NamedTuple):
    """What the encoder makes of frames."""

    features: tuple[Tensor, ...]
    """Per level: (B, C_v, H, W)."""
    ring: Ring
    """Per level: query (B, G, d), key (B, P, d) and value (B, G, d_v); empty for a still-image network."""
    skip: Tensor | None = None
    """(B, C, H, W) at stride 4, for the mask head; None where the network has no such skip."""


BACKBONES: dict[str, Callable[[NetworkConfig], ResNet | EfficientNetLite]] = {
    **dict.fromkeys(DEPTHS, lambda config: ResNet(config.backbone, config.stem_channels, config.output_stride)),
    "efficientnet-lite0": lambda config: EfficientNetLite(),
}
"""By the names that NetworkConfig.backbone takes."""


def grid_sizes(config: NetworkConfig, strides: tuple[int, ...]) -> list[tuple[int, int]]:
    """(H, W) of each level's feature map."""
    return [(config.height // stride, config.width // stride) for stride in strides]


class Encoder(nn.Module):
    """An image -> features of three levels, and their CFSA projections. Expressions play no part."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.backbone = chosen("backbone", config.backbone, BACKBONES)(config)
        self.strides = tuple(self.backbone.strides)
        self.shape_channels = tuple(self.backbone.channels)
        self.colour = ColourStem(config.colour_channels, self.strides) if config.colour_channels else None
        self.channels = tuple(c + config.colour_channels for c in self.shape_channels)
        self.skip = None
        if config.skip_channels:
            self.skip = nn.Conv2d(self.backbone.fine_channels, config.skip_channels, 1)
        mean, std = torch.tensor(config.pixel_mean), torch.tensor(config.pixel_std)
        self.bgr = config.bgr
        self.register_buffer("mean", mean.view(3, 1, 1), persistent=False)
        self.register_buffer("std", std.view(3, 1, 1), persistent=False)
        self.clip_coordinates = config.clip_coordinates
        places = COORDINATES + WAVES if config.clip_coordinates else 0
        projected = chosen("clip_values", config.clip_values, CLIP_VALUES)
        channels = self.channels if config.clip > 1 else ()
        self.clip = nn.ModuleList(
            ClipProjection(c, places, config.clip_channels, projected, config.cosine_attention) for c in channels
        )
        self.cells = [max(1, config.clip_cell // stride) for stride in self.strides]
        for level, size in enumerate(grid_sizes(config, self.strides)):
            where = torch.cat([coordinate_map(*size), coordinate_waves(*size)], -1)
            self.register_buffer(f"places_{level}", where, persistent=False)

    def forward(self, image: Tensor) -> Encoding:
        """(B, H, W, 3) uint8 RGB, letterboxed."""
        fine, features = self._seen(image)
        return Encoding(features, self.project(features), None if self.skip is None else self.skip(fine))

    def backbone_features(self, image: Tensor) -> tuple[Tensor, ...]:
        """(B, H, W, 3) uint8 RGB -> Res3, Res4, Res5, each followed by the channels of the colour stem, if any."""
        return self._seen(image)[1]

    def _seen(self, image: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """What the backbone has at stride 4, and the levels."""
        # The cast comes first: TensorRT can only cast uint8 inputs.
        pixels = (image.to(self.mean.dtype).permute(0, 3, 1, 2) - self.mean) / self.std
        if self.colour is not None:
            fine, *levels = self.backbone.fine(luminance(pixels))
            return fine, beside(tuple(levels), self.colour(pixels))
        fine, *levels = self.backbone.fine(pixels.flip(1) if self.bgr else pixels)
        return fine, tuple(levels)

    def project(self, features: tuple[Tensor, ...]) -> Ring:
        """The CFSA projections of some frames' features."""
        ring = []
        for level, project in enumerate(self.clip):
            x, cell = features[level], self.cells[level]
            if self.clip_coordinates:
                places = getattr(self, f"places_{level}").to(x.dtype).T.unflatten(-1, x.shape[-2:])
                x = torch.cat([x, places.expand(x.shape[0], -1, -1, -1)], 1)
            grids = (x, F.avg_pool2d(x, cell)) if cell > 1 else (x,)
            ring.append(project(*(grid.flatten(2).transpose(1, 2) for grid in grids)))
        return tuple(ring)
