"""Positions of a map: as rows, and their encodings, the 8-D coordinate map in CSTM's order and sines."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from model_training.networks.layers.coordinates import coordinate_map

EDGES_FIRST = [0, 3, 2, 5, 1, 4, 6, 7]
"""Columns of `coordinate_map` in the order x0, y0, x1, y1, xc, yc, 1/w, 1/h [code: CSTM]."""


def rows(features: Tensor) -> Tensor:
    """(M, C, h, w) -> (M, P, C)."""
    return features.flatten(2).transpose(1, 2)


def position_map(height: int, width: int, like: Tensor) -> Tensor:
    """P (1, 8, h, w) in [-1, 1], in dtype and on the device of another tensor."""
    places = coordinate_map(height, width).to(like)[:, EDGES_FIRST]
    return places.T.unflatten(-1, (height, width))[None]


def beside_positions(features: Tensor) -> Tensor:
    """[V; P]: (B, C, [T,] h, w) -> (B, C + 8, [T,] h, w), with the same P at each time."""
    height, width = features.shape[-2:]
    places = position_map(height, width, features)
    if features.ndim == 5:
        places = places[:, :, None]
    return torch.cat([features, places.expand(features.shape[0], -1, *features.shape[2:])], 1)


def sine_map(height: int, width: int, channels: int, like: Tensor) -> Tensor:
    """(h*w, channels) in [-1, 1]: sines and cosines of y and of x, of wavelengths from 2 pi to 20000 pi cells.

    Raises:
        ValueError: `channels` is no multiple of 4.
    """
    if channels % 4:
        raise ValueError(f"{channels} channels cannot hold sine and cosine of two axes; take a multiple of 4")
    quarter = channels // 4
    rates = torch.exp(-math.log(10000.0) * torch.arange(quarter, dtype=torch.float64) / quarter)
    down, across = (torch.arange(size, dtype=torch.float64)[:, None] * rates for size in (height, width))
    rows = torch.cat([down.sin(), down.cos()], -1)[:, None].expand(height, width, -1)
    columns = torch.cat([across.sin(), across.cos()], -1)[None].expand(height, width, -1)
    return torch.cat([rows, columns], -1).flatten(0, 1).to(like)
