"""Heads that exist only while training: they supervise what each part of the network should know by then."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from model_training.networks.base import Answer
from model_training.networks.cmsa.fusion import Fused
from model_training.networks.layers.coordinates import COORDINATES, coordinate_map
from model_training.networks.refseg import ReferringSegmentation, answer_of

MOTIONS = ("moves", "left", "right", "away", "towards")
"""Motions of a cell, each with its own logit."""


class SceneLogits(NamedTuple):
    """What the heads say of a batch; see the methods of `AuxiliaryHeads`."""

    dense: list[Tensor]
    references: list[Tensor]
    motions: list[Tensor]


class AuxiliaryHeads(nn.Module):
    """Dense labels from each level of the encoder; motion from each level after CFSA; candidates and anchors from each
    level's first round of CMSA; the target from its last.

    Where the network separates shape from colour, classes are read from the shape channels alone, and colours from the
    colour channels.

    Args:
        model: the network whose features are read.
        classes: number of classes, background included.
        colours: number of colours.

    Attributes:
        strides: of the levels.
    """

    def __init__(self, model: ReferringSegmentation, classes: int, colours: int) -> None:
        super().__init__()
        encoder, width = model.encoder, model.config.fusion_channels
        self.strides = encoder.strides
        apart = encoder.colour is not None
        pairs = zip(encoder.shape_channels, encoder.channels, strict=True)
        self.splits = [(shape, whole - shape) if apart else (whole, 0) for shape, whole in pairs]
        self.classes = nn.ModuleList(nn.Conv2d(shape, classes, 1) for shape, _ in self.splits)
        self.colours = nn.ModuleList(nn.Conv2d(colour or shape, colours, 1) for shape, colour in self.splits)
        self.motion = nn.ModuleList(nn.Conv2d(c + COORDINATES, len(MOTIONS), 1) for c in encoder.channels)
        self.first = nn.ModuleList(nn.Conv2d(width, 2, 1) for _ in encoder.channels)
        self.last = nn.ModuleList(nn.Conv2d(width, 1, 1) for _ in encoder.channels)
        for head in (*self.first, *self.last):
            nn.init.constant_(head.bias, -3.0)

    def of_images(self, model: ReferringSegmentation, images: Tensor) -> list[Tensor]:
        """`labels` of images, (B, H, W, 3) uint8 RGB."""
        return self.labels(model.encoder(images).features)

    def answered(self, model: ReferringSegmentation, clip: Tensor, words: Tensor) -> tuple[Answer, SceneLogits]:
        """The network's answer, and the heads' logits on the features that led to it."""
        features, fused = model.encode_and_fuse(clip, words)
        return answer_of(fused), SceneLogits(self.labels(features), self.references(fused), self.motions(fused))

    def labels(self, features: tuple[Tensor, ...]) -> list[Tensor]:
        """Per level (B, C_v, H, W) -> (B, classes + colours, H, W) logits."""
        logits = []
        for x, (shape, _), classes, colours in zip(features, self.splits, self.classes, self.colours, strict=True):
            painted = x[:, shape:] if shape < x.shape[1] else x
            logits.append(torch.cat([classes(x[:, :shape]), colours(painted)], 1))
        return logits

    def motions(self, fused: Fused) -> list[Tensor]:
        """Per level (B, 5, H, W) logits of MOTIONS."""
        logits = []
        for x, head in zip(fused.clip.features, self.motion, strict=True):
            size = x.shape[-2:]
            s = coordinate_map(*size).to(x).transpose(0, 1).unflatten(-1, size)
            logits.append(head(torch.cat([x, s.expand(x.shape[0], -1, -1, -1)], 1)))
        return logits

    def references(self, fused: Fused) -> list[Tensor]:
        """Per level (B, E, 3, H, W) logits of what fits the head noun, of the anchors, and of the target."""
        logits = []
        for first, last, early, late in zip(fused.first_round, fused.last_round, self.first, self.last, strict=True):
            parts = [early(first.flatten(0, 1)), late(last.flatten(0, 1))]
            logits.append(torch.cat(parts, 1).unflatten(0, first.shape[:2]))
        return logits
