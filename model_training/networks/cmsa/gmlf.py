"""Gated multi-level fusion (Sec. 3.3, Eq. 6): each level takes from the others what their gates let through."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class GatedMultiLevelFusion(nn.Module):
    """X^1..X^L -> sum of F_o^i.

    The gates m^i and r^i have one channel, as the paper's m^i, r^i in R^(H x W); it names no activation for them,
    sigmoid is ours (without one, 1 - m would not be a share). gamma^j starts at 0.5.
    """

    def __init__(self, channels: int, levels: int) -> None:
        super().__init__()
        self.gates = nn.ModuleList(nn.Conv2d(channels, 2, 1) for _ in range(levels))
        self.gamma = nn.Parameter(torch.full((levels,), 0.5))

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """L tensors (B, C, H, W) of one size -> (B, C, H, W)."""
        gates = [gate(x).sigmoid().chunk(2, 1) for gate, x in zip(self.gates, levels, strict=True)]
        total = sum(self.gamma[j] * gates[j][0] * x for j, x in enumerate(levels))
        fused = sum(levels)
        for i, x in enumerate(levels):
            memory, reset = gates[i]
            # G^i = (1 - m^i) X^i + the others' share, which is the total without gamma^i m^i X^i
            controller = (1 - (1 + self.gamma[i]) * memory) * x + total
            fused = fused + reset * (torch.tanh(controller) - x)  # F_o^i = r^i tanh(G^i) + (1 - r^i) X^i
        return fused
