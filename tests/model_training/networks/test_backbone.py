"""The dilated ResNet: torchvision's names and shapes, written down by hand, and DeepLab's strides and dilations."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from model_training.networks.layers.backbone import DEPTHS, ResNet

BLOCKS = {"resnet18": [2, 2, 2, 2], "resnet50": [3, 4, 6, 3], "resnet101": [3, 4, 23, 3]}
"""As torchvision.models.resnet has them."""

NORM = {"weight": 1, "bias": 1, "running_mean": 1, "running_var": 1, "num_batches_tracked": 0}
"""Entries of a batch norm and their number of axes."""


def expected(name: str) -> dict[str, tuple[int, ...]]:
    """Key -> shape of torchvision's state dict, without the classifier `fc`, which a backbone has no use for."""
    shapes: dict[str, tuple[int, ...]] = {"conv1.weight": (64, 3, 7, 7)}

    def norm(prefix: str, channels: int) -> None:
        shapes.update({f"{prefix}.{key}": (channels,) * axes for key, axes in NORM.items()})

    norm("bn1", 64)
    inputs = 64
    for stage, count in enumerate(BLOCKS[name], start=1):
        width = {1: 64, 2: 128, 3: 256, 4: 512}[stage]
        for index in range(count):
            prefix = f"layer{stage}.{index}"
            if name == "resnet18":
                kernels = [(width, inputs, 3, 3), (width, width, 3, 3)]
            else:
                kernels = [(width, inputs, 1, 1), (width, width, 3, 3), (4 * width, width, 1, 1)]
            for number, kernel in enumerate(kernels, start=1):
                shapes[f"{prefix}.conv{number}.weight"] = kernel
                norm(f"{prefix}.bn{number}", kernel[0])
            outputs = kernels[-1][0]
            if index == 0 and (stage > 1 or name != "resnet18"):
                shapes[f"{prefix}.downsample.0.weight"] = (outputs, inputs, 1, 1)
                norm(f"{prefix}.downsample.1", outputs)
            inputs = outputs
    return shapes


@pytest.mark.parametrize("name", sorted(BLOCKS))
@pytest.mark.parametrize("output_stride", [8, 16])
def test_has_torchvisions_names_and_shapes(name: str, output_stride: int) -> None:
    with torch.device("meta"):
        network = ResNet(name, output_stride=output_stride)
    assert {key: tuple(value.shape) for key, value in network.state_dict().items()} == expected(name)


def test_all_depths_are_covered() -> None:
    assert set(DEPTHS) == set(BLOCKS)


def test_the_numbers_of_weights_are_the_known_ones() -> None:
    """The classifier has 513,000 or 2,049,000 of torchvision's 11,689,512, 25,557,032 and 44,549,160."""
    for name, known in (("resnet18", 11_689_512 - 513_000), ("resnet101", 44_549_160 - 2_049_000)):
        with torch.device("meta"):
            assert sum(parameter.numel() for parameter in ResNet(name).parameters()) == known


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
@pytest.mark.parametrize(("output_stride", "strides"), [(8, (8, 8, 8)), (16, (8, 16, 16))])
def test_level_sizes_follow_the_strides(name: str, output_stride: int, strides: tuple[int, ...]) -> None:
    network = ResNet(name, stem_channels=8, output_stride=output_stride).eval()
    assert tuple(network.strides) == strides
    with torch.no_grad():
        levels = network(torch.rand(2, 3, 48, 64))
    for level, stride, channels in zip(levels, strides, network.channels, strict=True):
        assert level.shape == (2, channels, 48 // stride, 64 // stride)


def dilations(network: ResNet, stage: int) -> list[int]:
    layers = getattr(network, f"layer{stage}").modules()
    return [layer.dilation[0] for layer in layers if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3)]


@pytest.mark.parametrize("name", sorted(BLOCKS))
def test_dilations_are_deeplabs(name: str) -> None:
    """As torchvision's replace_stride_with_dilation: a stage's first block keeps the dilation before it."""
    per_block = 2 if name == "resnet18" else 1
    with torch.device("meta"):
        eight, sixteen = ResNet(name, output_stride=8), ResNet(name, output_stride=16)

    def wanted(stage: int, first: int, rest: int) -> list[int]:
        return [first] * per_block + [rest] * per_block * (BLOCKS[name][stage - 1] - 1)

    assert dilations(eight, 2) == wanted(2, 1, 1) == dilations(sixteen, 2)
    assert dilations(eight, 3) == wanted(3, 1, 2) and dilations(sixteen, 3) == wanted(3, 1, 1)
    assert dilations(eight, 4) == wanted(4, 2, 4) and dilations(sixteen, 4) == wanted(4, 1, 2)


def test_unknown_names_and_strides_are_refused() -> None:
    with pytest.raises(ValueError, match="'resnet34' is unknown; choose one of resnet18, resnet50, resnet101"):
        ResNet("resnet34")
    with pytest.raises(ValueError, match="output_stride is 4; it must be 8 or 16"):
        ResNet("resnet18", output_stride=4)
