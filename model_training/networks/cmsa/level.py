"""One level of the network, from features and words to X^i: Eq. 1, CMSA, and the 1x1 convolution of Sec. 3.3."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_training.networks.cmsa.counting import Counting
from model_training.networks.cmsa.multimodal import Multimodal
from model_training.networks.config import NetworkConfig
from model_training.networks.layers.coordinates import COORDINATES, coordinate_map
from model_training.networks.layers.cosine import unit

MakeMultimodal = Callable[[NetworkConfig, int, tuple[int, int]], Multimodal]
"""Takes the configuration, the channels of x_p and the (H, W) of the grid."""

Rounds = tuple[tuple[Tensor, ...], ...]
"""What each round's module reads of the words alone."""


class LevelAnswer(NamedTuple):
    """What a level says of E expressions on each of B frames."""

    last: Tensor
    """(B, E, C, H, W) X^i after the last round."""
    strongest: Tensor
    """(B, E, 2, C) the greatest value of X^i after the first and after the last round."""
    word_attention: Tensor
    """(B, E, N) a_n of the last round."""
    sentence: Tensor
    """(B, E, C_l) the attended sentence of the last round."""
    first: Tensor | None = None
    """X^i after the first round; for training alone."""


class Level(nn.Module):
    """Features of a level and words -> X^i, in one round or, beyond the paper, in several."""

    def __init__(
        self, config: NetworkConfig, multimodal: MakeMultimodal, visual: int, size: tuple[int, int], rounds: int
    ) -> None:
        super().__init__()
        self.size = size
        self.normalise = config.normalise
        self.register_buffer("coordinates", coordinate_map(*size), persistent=False)
        inputs = [visual] + [config.fusion_channels] * (rounds - 1)
        self.attention = nn.ModuleList(multimodal(config, c + COORDINATES, size) for c in inputs)
        self.merge = nn.ModuleList(
            Merge(config, attention.channels, later=i > 0) for i, attention in enumerate(self.attention)
        )

        self.count = nn.ModuleList(
            Counting(config.fusion_channels + COORDINATES, config.word_channels, config.counting_channels, c)
            for c in (inputs[1:] if config.counting_channels else ())
        )

    def read(self, e: Tensor) -> Rounds:
        """What each round's module makes of word vectors (B, E, N, C_l) alone."""
        return tuple(attention.read(e) for attention in self.attention)

    def forward(self, feature: Tensor, e: Tensor, mask: Tensor, rounds: Rounds) -> LevelAnswer:
        """Answer on (B, C_v, H, W) for (B, E, N, C_l) and (B, E, N); `rounds` is what `read` makes of e."""
        v = feature.flatten(2).transpose(1, 2)[:, None]
        if self.normalise:
            v = unit(v)
        first, sentence = None, None
        for index, (attention, merge, read) in enumerate(zip(self.attention, self.merge, rounds, strict=True)):
            s = self.coordinates.to(v.dtype).expand(*v.shape[:-1], COORDINATES)
            if index and len(self.count):
                v = v + self.count[index - 1](torch.cat([v, s], -1), sentence)
            fused, weights, sentence = attention(torch.cat([v, s], -1), e, mask, read)  # Eq. 1-5
            v = merge(fused, v, sentence, self.size)
            first = v if first is None else first
        last, first = (part.transpose(-1, -2).unflatten(-1, self.size) for part in (v, first))
        strongest = torch.stack([first.amax((-2, -1)), last.amax((-2, -1))], -2)
        return LevelAnswer(last, strongest, weights, sentence, first)


class Merge(nn.Module):
    """f^_p -> X^i. In the paper this is a 1x1 convolution, in the CVPR paper's code followed by a ReLU. Beyond the
    paper: batch norm and ReLU; a scale and a shift from the attended words; in later rounds a 3x3 convolution and a
    residual.
    """

    def __init__(self, config: NetworkConfig, inputs: int, later: bool) -> None:
        super().__init__()
        width = config.fusion_channels
        self.modulation = nn.Linear(config.word_channels, 2 * width) if config.modulation else None
        self.later, self.rectified = later, config.rectified
        self.project = nn.Linear(inputs, width)
        self.norm = nn.BatchNorm2d(width) if config.batch_norm else None
        self.local = nn.Conv2d(width, width, 3, padding=1, bias=False) if later else None

    def forward(self, fused: Tensor, before: Tensor, sentence: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, E, P, inputs), (B, E, P, width), (B, E, C_l) -> (B, E, P, width)."""
        x = self.project(fused)
        if self.norm is None:
            return F.relu(x) if self.rectified else x
        if self.local is None:
            x = self.norm(x.flatten(0, 2)[..., None, None])  # per position, so the grid does not matter
        else:
            image = F.relu(x).flatten(0, 1).transpose(1, 2).unflatten(-1, size)
            x = self.norm(self.local(image)).flatten(2).transpose(1, 2)
        x = x.reshape(*fused.shape[:-1], -1)
        if self.modulation is not None:
            gamma, beta = self.modulation(sentence)[..., None, :].chunk(2, -1)
            x = x * (1 + gamma) + beta
        x = F.relu(x)
        return x + before if self.later else x
