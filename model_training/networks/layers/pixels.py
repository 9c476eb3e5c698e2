"""Bytes as the numbers that a network reads."""

from __future__ import annotations

import torch
from torch import Tensor, nn

IMAGENET = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
UNIT = (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)


class Pixels(nn.Module):
    """(..., H, W, 3) uint8 RGB -> (..., 3, H, W) float: normalised by ImageNet's statistics, or else in [0, 1]."""

    def __init__(self, imagenet_norm: bool) -> None:
        super().__init__()
        mean, deviation = IMAGENET if imagenet_norm else UNIT
        self.register_buffer("mean", torch.tensor(mean), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """As the class says. The cast comes first: TensorRT can only cast uint8 inputs."""
        return ((image.to(self.mean.dtype) - self.mean) / self.deviation).movedim(-1, -3)
