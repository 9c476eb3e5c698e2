"""One level of the network, from features and words to X^i: Eq. 1, CMSA, and the 1x1 convolution of Sec. 3.3."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_training.networks.cmsa.counting import Counting
from model_training.networks.config import NetworkConfig
from model_training.networks.layers.coordinates import COORDINATES, coordinate_map
from model_training.networks.layers.cosine import unit

Multimodal = Callable[[NetworkConfig, int, tuple[int, int]], nn.Module]
"""Makes the module from x_p, e_n to f^_p, of which CMSA is one: of the channels of x_p, and (H, W) of the positions.
Its `channels` are those of f^_p; it is called as `CrossModalSelfAttention` is.
"""


class Level(nn.Module):
    """Features of a level and words -> X^i, in one round or, beyond the paper, in several."""

    def __init__(
        self, config: NetworkConfig, multimodal: Multimodal, visual: int, size: tuple[int, int], rounds: int
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

    def forward(self, feature: Tensor, e: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(B, C_v, H, W), (B, E, N, C_l), (B, E, N) -> X^i (B, E, C, H, W), after its last and its first round, and
        a_n (B, E, N) and the attended sentence (B, E, C_l) of the last.
        """
        v = feature.flatten(2).transpose(1, 2)[:, None]
        if self.normalise:
            v, e = unit(v), unit(e)
        first, sentence = None, None
        for index, (attention, merge) in enumerate(zip(self.attention, self.merge, strict=True)):
            s = self.coordinates.to(v.dtype).expand(*v.shape[:-1], COORDINATES)
            if index and len(self.count):
                v = v + self.count[index - 1](torch.cat([v, s], -1), sentence)
            fused, weights, sentence = attention(torch.cat([v, s], -1), e, mask)  # Eq. 1-5
            v = merge(fused, v, sentence, self.size)
            first = v if first is None else first
        x, first = (part.transpose(-1, -2).unflatten(-1, self.size) for part in (v, first))
        return x, first, weights, sentence


class Merge(nn.Module):
    """f^_p -> X^i. The paper's is a 1x1 convolution, with a ReLU in the code of the CVPR paper. Beyond the paper come
    batch norm and ReLU and, with them, the attended words' scale and shift, and in a later round a 3x3 convolution and
    a residual.
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
        batch = x.shape[:2]
        image = x.flatten(0, 1).transpose(1, 2).unflatten(-1, size)
        if self.local is not None:
            image = self.local(F.relu(image))
        image = self.norm(image)
        if self.modulation is not None:
            gamma, beta = self.modulation(sentence).flatten(0, 1)[..., None, None].chunk(2, 1)
            image = image * (1 + gamma) + beta
        x = F.relu(image).flatten(2).transpose(1, 2).unflatten(0, batch)
        return x + before if self.later else x
