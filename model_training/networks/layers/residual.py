"""ResNets whose five stages run one by one, with torchvision's names, so that its weights load directly."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from model_training.networks.config import chosen
from model_training.networks.layers.backbone import BasicBlock, Bottleneck


class WideBottleneck(Bottleneck):
    """A bottleneck whose 3x3 convolution has twice the channels (Zagoruyko and Komodakis, BMVC 2016)."""

    def __init__(self, inputs: int, channels: int, stride: int, dilation: int) -> None:
        super().__init__(inputs, channels, stride, dilation)
        wide = 2 * channels
        self.conv1, self.bn1 = nn.Conv2d(inputs, wide, 1, bias=False), nn.BatchNorm2d(wide)
        self.conv2 = nn.Conv2d(wide, wide, 3, stride, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(wide)
        self.conv3 = nn.Conv2d(wide, 4 * channels, 1, bias=False)


DEPTHS: dict[str, tuple[type[nn.Module], tuple[int, int, int, int]]] = {
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
    "resnet101": (Bottleneck, (3, 4, 23, 3)),
    "wide_resnet101_2": (WideBottleneck, (3, 4, 23, 3)),
}
"""Name -> block, blocks of each stage."""


class StagedResNet(nn.Module):
    """Stage 0 is conv1; stages 1 to 4 are layer1 to layer4. Strides are 2, 4, 8, 16 and 32.

    Args:
        name: one of DEPTHS; ignored if `widths` are given.
        widths: channels of the five stages of a small network; stages 1 to 4 have one basic block each [inferred].
        last_stride: 1 keeps the last stage at stride 16; its blocks after the first are dilated by 2 [inferred].
    """

    def __init__(self, name: str = "resnet50", widths: Sequence[int] | None = None, last_stride: int = 2) -> None:
        super().__init__()
        if widths is None:
            block, counts = chosen("backbone", name, DEPTHS)
            inner, self.channels = (64, 128, 256, 512), (64, 256, 512, 1024, 2048)
        else:
            block, counts, inner, self.channels = BasicBlock, (1, 1, 1, 1), tuple(widths[1:]), tuple(widths)
        self.conv1 = nn.Conv2d(3, self.channels[0], 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(self.channels[0])
        self.relu, self.maxpool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        strides = (1, 2, 2, last_stride)
        for stage, (count, width) in enumerate(zip(counts, inner, strict=True)):
            dilated = stage == 3 and last_stride == 1
            outputs = self.channels[stage + 1]
            blocks = [block(self.channels[stage], width, strides[stage], 1)]
            blocks += [block(outputs, width, 1, 2 if dilated else 1) for _ in range(1, count)]
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))

    def stage(self, index: int, x: Tensor) -> Tensor:
        """(B, C_{index - 1}, H, W), the image for stage 0, -> (B, C_index, H', W')."""
        if index == 0:
            return self.relu(self.bn1(self.conv1(x)))
        return getattr(self, f"layer{index}")(self.maxpool(x) if index == 1 else x)
