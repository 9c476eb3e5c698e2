"""The decoder of EFN (Feng et al., CVPR 2021): a feature splits into a warped body and the rest, its edge [code: EFN].

Channels go 512, 256, 128, 64, 32 at the published width; the last four maps are split, and each has three heads.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_training.networks.layers.blocks import convolution
from model_training.networks.vlide.decoder import Decoded, enlarged, resized


class Warp(nn.Module):
    """Two depth-wise convolutions of stride 2 give an affine warp of the whole map, the identity at the start."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [nn.Conv2d(channels, channels, 3, 2, 1, groups=channels, bias=False)]
            layers += [nn.BatchNorm2d(channels), nn.ReLU()]
        self.down = nn.Sequential(*layers)
        self.affine = nn.Linear(channels, 6)
        nn.init.zeros_(self.affine.weight)
        with torch.no_grad():
            self.affine.bias.copy_(torch.tensor([1.0, 0, 0, 0, 1, 0]))

    def forward(self, features: Tensor) -> Tensor:
        """(M, C, h, w) -> (M, C, h, w)."""
        height, width = features.shape[-2:]
        down, across = (torch.linspace(-1, 1, size, device=features.device) for size in (height, width))
        y, x = down[:, None].expand(height, width), across[None].expand(height, width)
        places = torch.stack([x, y, torch.ones_like(x)], -1).flatten(0, 1).to(features.dtype)
        matrix = self.affine(self.down(features).mean((-2, -1))).unflatten(-1, (2, 3))
        grid = (places @ matrix.transpose(1, 2)).unflatten(1, (height, width))
        return F.grid_sample(features, grid, "bilinear", "border", align_corners=True)


class EfnDecoder(nn.Module):
    """Each map comes from the deeper map and a level; the bodies and edges of the last four have heads too.

    Args:
        channels: of X; the maps have from twice to an eighth of it.
        c2, c1: channels of C_2 and C_1.
    """

    def __init__(self, channels: int, c2: int, c1: int) -> None:
        super().__init__()
        widths = [2 * channels, channels, channels // 2, channels // 4, channels // 8]
        self.finest_channels = widths[-1]
        self.deepest = convolution(channels, widths[0])
        sides = [channels, channels, c2, c1]
        pairs = list(zip(widths, sides, widths[1:], strict=False))
        self.merge = nn.ModuleList(convolution(deep + side, width) for deep, side, width in pairs)
        self.warp = nn.ModuleList(Warp(width) for width in widths[1:])
        self.final, self.body, self.edge = (
            nn.ModuleList(nn.Conv2d(width, 1, 3, padding=1) for width in widths[1:]) for _ in range(3)
        )

    def forward(self, levels: list[Tensor], c2: Tensor, c1: Tensor) -> Decoded:
        """As TopDown.forward; `coarse` has the bodies and, but for the last, the masks."""
        x3, x4, x5 = levels
        out = self.deepest(x5)
        masks, bodies, edges = [], [], []
        parts = zip((x4, x3, c2, c1), self.merge, self.warp, self.final, self.body, self.edge, strict=True)
        for side, merge, warp, of_all, of_body, of_edge in parts:
            out = merge(torch.cat([resized(out, side), side], 1))
            body = warp(out)
            masks.append(of_all(out))
            bodies.append(of_body(body))
            edges.append(of_edge(out - body))
        return Decoded(out, enlarged(masks[-1]), (*masks[:-1], *bodies), tuple(edges))
