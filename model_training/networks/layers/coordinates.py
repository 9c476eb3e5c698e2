"""The 8-D spatial coordinate map s_p (Sec. 3.1, in the form of the CVPR code), and waves over the same cells."""

from __future__ import annotations

import math

import torch
from torch import Tensor

COORDINATES = 8
WAVES = 12


def coordinate_map(height: int, width: int) -> Tensor:
    """(H*W, 8) float32 in [-1, 1]: x_min, x_centre, x_max, y_min, y_centre, y_max, 1/W, 1/H of each cell.

    Three horizontal, three vertical and two sizes, in the paper's order; the image spans -1..1 both ways.
    """
    x, y = torch.arange(width, dtype=torch.float64), torch.arange(height, dtype=torch.float64)
    across = torch.stack([2 * x / width - 1, (2 * x + 1) / width - 1, 2 * (x + 1) / width - 1], -1)
    down = torch.stack([2 * y / height - 1, (2 * y + 1) / height - 1, 2 * (y + 1) / height - 1], -1)
    size = torch.tensor([1 / width, 1 / height], dtype=torch.float64)
    rows = [
        across[None].expand(height, width, 3),
        down[:, None].expand(height, width, 3),
        size.expand(height, width, 2),
    ]
    return torch.cat(rows, -1).reshape(height * width, COORDINATES).float()


def coordinate_waves(height: int, width: int) -> Tensor:
    """(H*W, 12) float32 in [-1, 1]: sine and cosine of x, then of y, of each cell's centre, at 1/2, 1 and 2 periods
    over the image. The inner product of two cells' waves tells how far they are apart; that of coordinates does not.
    """
    x = (2 * torch.arange(width, dtype=torch.float64) + 1) / width - 1
    y = (2 * torch.arange(height, dtype=torch.float64) + 1) / height - 1
    frequencies = math.pi * torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    across, down = (
        torch.cat([(frequencies * line[:, None]).sin(), (frequencies * line[:, None]).cos()], -1) for line in (x, y)
    )
    rows = [across[None].expand(height, width, 6), down[:, None].expand(height, width, 6)]
    return torch.cat(rows, -1).reshape(height * width, WAVES).float()
