"""Dilated ResNet with torchvision's parameter names, so that its weights (and DeepLab's) load directly."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

DEPTHS: dict[str, tuple[bool, tuple[int, int, int, int]]] = {
    "resnet18": (False, (2, 2, 2, 2)),
    "resnet50": (True, (3, 4, 6, 3)),
    "resnet101": (True, (3, 4, 23, 3)),
}
"""Name -> (bottleneck blocks?, blocks per stage)."""


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a residual."""

    expansion = 1

    def __init__(self, inputs: int, channels: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, dilation, dilation, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = _shortcut(inputs, channels, stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, channels, H / stride, W / stride)."""
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + self.downsample(x))


class Bottleneck(nn.Module):
    """1x1, 3x3 (with the stride, as torchvision has it), 1x1 with a residual."""

    expansion = 4

    def __init__(self, inputs: int, channels: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, 4 * channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * channels)
        self.downsample = _shortcut(inputs, 4 * channels, stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, 4 * channels, H / stride, W / stride)."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        return self.relu(self.bn3(self.conv3(y)) + self.downsample(x))


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    if inputs == outputs and stride == 1:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


class ResNet(nn.Module):
    """The levels Res3, Res4 and Res5 of an image.

    Args:
        name: one of DEPTHS.
        stem_channels: channels of the first convolution (64 in torchvision's weights).
        output_stride: 8 dilates Res4 by 2 and Res5 by 4 (DeepLab); 16 dilates Res5 by 2.
    """

    def __init__(self, name: str, stem_channels: int = 64, output_stride: int = 8) -> None:
        super().__init__()
        if name not in DEPTHS:
            raise ValueError(f"backbone {name!r} is unknown; choose one of {', '.join(DEPTHS)}")
        if output_stride not in (8, 16):
            raise ValueError(f"output_stride is {output_stride}; it must be 8 or 16")
        bottleneck, blocks = DEPTHS[name]
        block = Bottleneck if bottleneck else BasicBlock
        self.conv1 = nn.Conv2d(3, stem_channels, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem_channels)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        strides = (1, 2, 1, 1) if output_stride == 8 else (1, 2, 2, 1)
        dilations = (1, 1, 2, 4) if output_stride == 8 else (1, 1, 1, 2)
        inputs = stem_channels
        for stage in range(4):
            channels = stem_channels * 2**stage
            layers = []
            for index in range(blocks[stage]):
                # As in torchvision, a dilated stage's first block keeps the dilation of the stage before.
                dilation = dilations[stage - 1] if index == 0 and stage else dilations[stage]
                layers.append(block(inputs, channels, strides[stage] if index == 0 else 1, dilation))
                inputs = channels * block.expansion
            self.add_module(f"layer{stage + 1}", nn.Sequential(*layers))
        self.channels: Sequence[int] = tuple(stem_channels * 2**stage * block.expansion for stage in (1, 2, 3))
        """Channels of Res3, Res4, Res5."""
        self.strides: Sequence[int] = (8, 8, 8) if output_stride == 8 else (8, 16, 16)
        """Their strides in pixels of the input."""
        self.fine_channels = stem_channels * block.expansion
        """Channels of Res2, for `fine`."""

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 3, H, W) float -> Res3, Res4, Res5, each (B, C, H/stride, W/stride)."""
        return self.fine(image)[1:]

    def fine(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Res2 (B, fine_channels, H/4, W/4), then the levels of `forward`."""
        res2 = self.layer1(self.maxpool(self.relu(self.bn1(self.conv1(image)))))
        res3 = self.layer2(res2)
        res4 = self.layer3(res3)
        return res2, res3, res4, self.layer4(res4)
