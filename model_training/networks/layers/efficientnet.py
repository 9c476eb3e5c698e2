"""EfficientNet-Lite0 (Tan and Le, ICML 2019; without squeeze-and-excitation, with ReLU6), a backbone for CPUs.

Its parameters have the names of the package `efficientnet-lite-pytorch`, so that ImageNet's weights load directly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn


class Stage(NamedTuple):
    """Blocks of one width."""

    blocks: int
    kernel: int
    stride: int
    """Of its first block."""
    expansion: int
    channels: int


LITE0 = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
STEM = 32
"""Channels of the first convolution."""


class SameConv(nn.Conv2d):
    """A convolution padded as in TensorFlow, where the weights come from: at stride 2, less before than behind."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride); a stride divides both sides."""
        whole = self.dilation[0] * (self.kernel_size[0] - 1) + 1 - self.stride[0]
        before, behind = whole // 2, whole - whole // 2
        if before == behind:
            return F.conv2d(x, self.weight, None, self.stride, before, self.dilation, self.groups)
        padded = F.pad(x, (before, behind, before, behind))
        return F.conv2d(padded, self.weight, None, self.stride, 0, self.dilation, self.groups)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class Block(nn.Module):
    """An inverted bottleneck: 1x1 to more channels, depthwise, 1x1 back; with a residual where the shapes agree."""

    def __init__(self, inputs: int, stage: Stage, stride: int, dilation: int) -> None:
        super().__init__()
        inner = inputs * stage.expansion
        self.expands, self.residual = stage.expansion > 1, stride == 1 and inputs == stage.channels
        if self.expands:
            self._expand_conv, self._bn0 = SameConv(inputs, inner, 1, bias=False), _norm(inner)
        self._depthwise_conv = SameConv(inner, inner, stage.kernel, stride, dilation=dilation, groups=inner, bias=False)
        self._bn1 = _norm(inner)
        self._project_conv, self._bn2 = SameConv(inner, stage.channels, 1, bias=False), _norm(stage.channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, channels, H / stride, W / stride)."""
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = self._bn2(self._project_conv(F.relu6(self._bn1(self._depthwise_conv(y)))))
        return x + y if self.residual else y


class EfficientNetLite(nn.Module):
    """The levels Res3, Res4 and Res5 of an image, at strides 8, 16 and 16: the last stages are dilated by 2.

    Its classifier, and the 1x1 convolution before it, are left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = SameConv(3, STEM, 3, 2, bias=False), _norm(STEM)
        self._blocks = nn.ModuleList()
        inputs, reached, dilation = STEM, 2, 1
        self._last: dict[int, int] = {}
        for stage in LITE0:
            for index in range(stage.blocks):
                stride = stage.stride if index == 0 else 1
                # As in a dilated ResNet, the block that loses its stride keeps the dilation of the one before it.
                taken_away = reached == 16 and stride == 2
                self._blocks.append(Block(inputs, stage, 1 if taken_away else stride, dilation))
                dilation = 2 if taken_away else dilation
                inputs, reached = stage.channels, reached if taken_away else reached * stride
            self._last[stage.channels] = len(self._blocks) - 1
        self.channels: Sequence[int] = (40, 112, 320)
        self.strides: Sequence[int] = (8, 16, 16)
        self.fine_channels = 24
        """Channels of the map at stride 4, for `fine`."""

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 3, H, W) float -> Res3, Res4, Res5, each (B, C, H/stride, W/stride)."""
        return self.fine(image)[1:]

    def fine(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The map at stride 4, (B, 24, H/4, W/4), then the levels of `forward`."""
        x, found = F.relu6(self._bn0(self._conv_stem(image))), []
        wanted = [self._last[channels] for channels in (self.fine_channels, *self.channels)]
        for index, block in enumerate(self._blocks):
            x = block(x)
            if index in wanted:
                found.append(x)
        fine, res3, res4, res5 = found
        return fine, res3, res4, res5
