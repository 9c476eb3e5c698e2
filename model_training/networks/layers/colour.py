"""Colour apart from shape: the backbone sees luminance, a small stem of its own sees colour."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ColourStem(nn.Module):
    """A few convolutions with stride from the image's pixels to the grids of the backbone's levels.

    Args:
        channels: of every output.
        strides: of the levels in pixels; powers of two from 4 on, the first the least.
    """

    def __init__(self, channels: int, strides: tuple[int, ...]) -> None:
        super().__init__()
        self.strides = strides
        widths = [3, 16, 32]
        while 2 ** (len(widths) - 1) < max(strides):
            widths.append(channels)
        self.stages = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, 2, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True))
            for a, b in zip(widths, widths[1:], strict=False)
        )

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """(B, 3, H, W) -> per level (B, channels, H/stride, W/stride)."""
        maps, stride = {}, 1
        for stage in self.stages:
            pixels, stride = stage(pixels), 2 * stride
            maps[stride] = pixels
        return [maps[stride] for stride in self.strides]


def luminance(pixels: Tensor) -> Tensor:
    """(B, 3, H, W) of normalised R, G, B -> the same shape, with their mean in each channel."""
    return pixels.mean(1, keepdim=True).expand_as(pixels)


def beside(shapes: tuple[Tensor, ...], colours: list[Tensor]) -> tuple[Tensor, ...]:
    """Each level's colour channels put behind those of the backbone."""
    return tuple(torch.cat(pair, 1) for pair in zip(shapes, colours, strict=True))
