"""Position-specific filters, and the head that makes them [code: HDFNet]."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_training.networks.layers.blocks import convolution

TAPS = 9
CENTRE = 4


def with_centre(filters: Tensor) -> Tensor:
    """The identity filter plus the raw weights."""
    centre = torch.arange(TAPS, device=filters.device) == CENTRE
    return filters + centre.to(filters.dtype)[:, None, None]


NORMALISATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda filters: filters,
    "softmax9": lambda filters: filters.softmax(2),
    "delta": with_centre,
}
"""Raw [code: HDFNet]; a softmax over the nine taps [inferred]; the identity plus raw, zero at the start [inferred]."""


def filtered(x: Tensor, filters: Tensor, dilation: int) -> Tensor:
    """Y_cp = sum_j W_cjp x_c(p + d o_j), zeros outside.

    Args:
        x: (M, C, h, w).
        filters: (M, G, 9, h, w), G a divisor of C: consecutive C / G channels share a filter; taps row by row.
        dilation: d.

    Returns:
        (M, C, h, w).
    """
    taps = neighbours(x, dilation).unflatten(1, (filters.shape[1], -1))
    return (filters[:, :, None] * taps).sum(3).flatten(1, 2)


def neighbours(x: Tensor, dilation: int) -> Tensor:
    """(M, C, h, w) -> (M, C, 9, h, w): x_c(p + d o_j) for the nine offsets, row by row; zeros outside.

    A convolution with one-hot kernels: an exported graph has one node for it instead of dozens.
    """
    channels = x.shape[1]
    kernels = torch.eye(TAPS, dtype=x.dtype, device=x.device).view(TAPS, 1, 3, 3).repeat(channels, 1, 1, 1)
    return F.conv2d(x, kernels, padding=dilation, dilation=dilation, groups=channels).unflatten(1, (channels, TAPS))


class DenseBlock(nn.Module):
    """1x1 to a quarter of the channels, four 3x3 convolutions that each read all earlier maps, and one that reads the
    input and the last map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        quarter = channels // 4
        self.down = nn.Conv2d(channels, quarter, 1)
        self.layers = nn.ModuleList(convolution(count * quarter, quarter) for count in range(1, 5))
        self.merge = convolution(channels + quarter, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(M, C, h, w) -> (M, C, h, w)."""
        seen = [self.down(x)]
        for layer in self.layers:
            seen.append(layer(torch.cat(seen, 1)))
        return self.merge(torch.cat([x, seen[-1]], 1))


class FilterHead(nn.Module):
    """Z -> one 3x3 filter for each position and group of channels.

    Args:
        channels: of Z.
        groups: filters of a position.
        knorm: one of NORMALISATIONS.
    """

    def __init__(self, channels: int, groups: int, knorm: str) -> None:
        super().__init__()
        self.first, self.dense = nn.Conv2d(channels, channels, 3, padding=1), DenseBlock(channels)
        self.last = nn.Conv2d(channels, groups * TAPS, 1)
        self.normalise = NORMALISATIONS[knorm]
        if knorm == "delta":
            nn.init.zeros_(self.last.weight)
            nn.init.zeros_(self.last.bias)

    def forward(self, z: Tensor) -> Tensor:
        """(M, C, h, w) -> (M, groups, 9, h, w)."""
        return self.normalise(self.last(self.dense(self.first(z))).unflatten(1, (-1, TAPS)))
