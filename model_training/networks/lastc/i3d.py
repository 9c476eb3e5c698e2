"""I3D (Carreira and Zisserman, CVPR 2017), RGB, in five stages, with the names of its usual PyTorch weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Triple = tuple[int, int, int]


def same_padding(size: Sequence[int], kernel: Triple, stride: Triple) -> list[int]:
    """TensorFlow's SAME padding, in the order of F.pad: the larger part is behind."""
    pads: list[int] = []
    for length, k, s in reversed(list(zip(size, kernel, stride, strict=True))):
        whole = max((-(-length // s) - 1) * s + k - length, 0)
        pads += [whole // 2, whole - whole // 2]
    return pads


class Unit3D(nn.Module):
    """Convolution, batch norm, ReLU, padded as TensorFlow does."""

    def __init__(self, inputs: int, outputs: int, kernel: Triple = (1, 1, 1), stride: Triple = (1, 1, 1)) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.conv3d = nn.Conv3d(inputs, outputs, kernel, stride, bias=False)
        self.bn = nn.BatchNorm3d(outputs, eps=0.001, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, T, H, W) -> (B, outputs, T', H', W')."""
        return F.relu(self.bn(self.conv3d(F.pad(x, same_padding(x.shape[2:], self.kernel, self.stride)))))


class MaxPool3D(nn.Module):
    """Padded with zeros, as pytorch-i3d does (TensorFlow pads with minus infinity); V' may be negative, so they count
    at the border.
    """

    def __init__(self, kernel: Triple, stride: Triple) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) -> (B, C, T', H', W')."""
        return F.max_pool3d(F.pad(x, same_padding(x.shape[2:], self.kernel, self.stride)), self.kernel, self.stride)


class Mixed(nn.Module):
    """The Inception block of I3D: four branches side by side."""

    def __init__(self, inputs: int, widths: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        cube = (3, 3, 3)
        self.b0 = Unit3D(inputs, widths[0])
        self.b1a, self.b1b = Unit3D(inputs, widths[1]), Unit3D(widths[1], widths[2], cube)
        self.b2a, self.b2b = Unit3D(inputs, widths[3]), Unit3D(widths[3], widths[4], cube)
        self.b3a, self.b3b = MaxPool3D(cube, (1, 1, 1)), Unit3D(inputs, widths[5])

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, T, H, W) -> (B, sum of widths 0, 2, 4 and 5, T, H, W)."""
        branches = [self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(self.b3a(x))]
        return torch.cat(branches, 1)


MIXED = {
    "3b": (192, (64, 96, 128, 16, 32, 32)),
    "3c": (256, (128, 128, 192, 32, 96, 64)),
    "4b": (480, (192, 96, 208, 16, 48, 64)),
    "4c": (512, (160, 112, 224, 24, 64, 64)),
    "4d": (512, (128, 128, 256, 24, 64, 64)),
    "4e": (512, (112, 144, 288, 32, 64, 64)),
    "4f": (528, (256, 160, 320, 32, 128, 128)),
    "5b": (832, (256, 160, 320, 32, 128, 128)),
    "5c": (832, (384, 192, 384, 48, 128, 128)),
}
STAGES = (
    ("Conv3d_1a_7x7",),
    ("MaxPool3d_2a_3x3", "Conv3d_2b_1x1", "Conv3d_2c_3x3"),
    ("MaxPool3d_3a_3x3", "Mixed_3b", "Mixed_3c"),
    ("MaxPool3d_4a_3x3", "Mixed_4b", "Mixed_4c", "Mixed_4d", "Mixed_4e", "Mixed_4f"),
    ("MaxPool3d_5a_2x2", "Mixed_5b", "Mixed_5c"),
)


class I3D(nn.Module):
    """Five stages at strides 2, 4, 8, 16 and 32; from 8 frames they have 4, 4, 4, 2 and 1."""

    channels = (64, 192, 480, 832, 1024)

    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Unit3D(3, 64, (7, 7, 7), (2, 2, 2))
        self.MaxPool3d_2a_3x3 = MaxPool3D((1, 3, 3), (1, 2, 2))
        self.Conv3d_2b_1x1 = Unit3D(64, 64)
        self.Conv3d_2c_3x3 = Unit3D(64, 192, (3, 3, 3))
        self.MaxPool3d_3a_3x3 = MaxPool3D((1, 3, 3), (1, 2, 2))
        self.MaxPool3d_4a_3x3 = MaxPool3D((3, 3, 3), (2, 2, 2))
        self.MaxPool3d_5a_2x2 = MaxPool3D((2, 2, 2), (2, 2, 2))
        for name, (inputs, widths) in MIXED.items():
            self.add_module(f"Mixed_{name}", Mixed(inputs, widths))

    def stage(self, index: int, x: Tensor) -> Tensor:
        """(B, C_{index - 1}, T, H, W), the clip for stage 0, -> (B, C_index, T', H', W')."""
        for name in STAGES[index]:
            x = getattr(self, name)(x)
        return x


class Factorised(nn.Module):
    """A small encoder with the strides of I3D, each stage a 1x3x3 and a 3x1x1 convolution [inferred]."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.channels = tuple(widths)
        times = (2, 1, 1, 2, 2)
        stages = []
        for inputs, outputs, time in zip((3, *widths[:-1]), widths, times, strict=True):
            across = Unit3D(inputs, outputs, (1, 3, 3), (1, 2, 2))
            stages.append(nn.Sequential(across, Unit3D(outputs, outputs, (3, 1, 1), (time, 1, 1))))
        self.stages = nn.ModuleList(stages)

    def stage(self, index: int, x: Tensor) -> Tensor:
        """As I3D.stage."""
        return self.stages[index](x)
