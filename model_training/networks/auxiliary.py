"""Heads that exist only while training: they tell the encoder and the first round of CMSA what they should know."""

from __future__ import annotations

from torch import Tensor, nn


class AuxiliaryHeads(nn.Module):
    """Dense labels from each level of the encoder, and candidates and anchors from each level's first round.

    Args:
        visual: channels of each level.
        labels: groups of dense labels, each a softmax of its own (here: background and classes; colours).
        width: channels of X^i.
    """

    def __init__(self, visual: tuple[int, ...], labels: int, width: int) -> None:
        super().__init__()
        self.dense = nn.ModuleList(nn.Conv2d(channels, labels, 1) for channels in visual)
        self.rounds = nn.ModuleList(nn.Conv2d(width, 2, 1) for _ in visual)
        for head in self.rounds:
            nn.init.constant_(head.bias, -3.0)

    def labels(self, features: tuple[Tensor, ...]) -> list[Tensor]:
        """Per level (B, C_v, H, W) -> (B, labels, H, W) logits."""
        return [head(x) for head, x in zip(self.dense, features, strict=True)]

    def references(self, rounds: tuple[Tensor, ...]) -> list[Tensor]:
        """Per level (B, E, C, H, W) -> (B, E, 2, H, W) logits of what fits the head noun, and of the anchors."""
        return [head(x.flatten(0, 1)).unflatten(0, x.shape[:2]) for head, x in zip(self.rounds, rounds, strict=True)]
