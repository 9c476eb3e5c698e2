"""Convolution, batch norm and ReLU, in two and in three dimensions."""

from __future__ import annotations

from torch import nn

CONVOLUTIONS = {2: nn.Conv2d, 3: nn.Conv3d}
NORMS = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


def convolution(
    inputs: int, outputs: int, kernel: int = 3, dims: int = 2, relu: bool = True, factorised: bool = False
) -> nn.Sequential:
    """CBR: (B, inputs, [T,] H, W) -> (B, outputs, [T,] H, W), without ReLU where `relu` is False.

    Where `factorised`, a convolution in three dimensions is 1xkxk and then kx1x1.
    """
    layers: list[nn.Module]
    if factorised and dims == 3 and kernel > 1:
        side = kernel // 2
        layers = [
            nn.Conv3d(inputs, outputs, (1, kernel, kernel), padding=(0, side, side), bias=False),
            nn.Conv3d(outputs, outputs, (kernel, 1, 1), padding=(side, 0, 0), bias=False),
        ]
    else:
        layers = [CONVOLUTIONS[dims](inputs, outputs, kernel, padding=kernel // 2, bias=False)]
    return nn.Sequential(*layers, NORMS[dims](outputs), *([nn.ReLU()] if relu else []))
