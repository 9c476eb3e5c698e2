"""EfficientNet-Lite0: what the package of its code computes with the same weights, and how they get in."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet

from model_training.configs import household
from model_training.learning.backbone_weights import imagenet_file, load_backbone
from model_training.networks.cmsa.encoder import Encoder
from model_training.networks.config import NetworkConfig

NETWORK = replace(household.NETWORK, height=64, width=96)


def loaded() -> Encoder:
    encoder = Encoder(NETWORK).eval()
    load_backbone(encoder, imagenet_file(NETWORK.backbone))
    return encoder


@torch.no_grad()
def test_levels_are_those_of_the_package() -> None:
    """Up to where the last stages are dilated here and go to stride 32 there."""
    theirs = EfficientNet.from_name("efficientnet-lite0").eval()
    theirs.load_state_dict(torch.load(imagenet_file(NETWORK.backbone), weights_only=True))
    pixels = torch.randn(2, 3, 64, 96)
    x, expected = theirs._swish(theirs._bn0(theirs._conv_stem(pixels))), []
    for index, block in enumerate(theirs._blocks[:11]):
        x = block(x)
        if index in (2, 4, 10):
            expected.append(x)
    found = loaded().backbone.fine(pixels)
    assert [tuple(level.shape[1:]) for level in found] == [(24, 16, 24), (40, 8, 12), (112, 4, 6), (320, 4, 6)]
    for ours, level in zip(found, expected, strict=False):
        assert torch.allclose(ours, level, atol=1e-3 * float(level.abs().max()))


def test_all_of_the_backbone_is_loaded_and_only_its_classifier_left() -> None:
    report = load_backbone(Encoder(NETWORK), imagenet_file(NETWORK.backbone))
    assert not report.missing and not report.other_shape
    assert {name.split(".")[0] for name in report.left} == {"backbone", "_conv_head", "_bn1", "_fc"} - {"backbone"}
    assert "240 of 240 tensors" in str(report)


@torch.no_grad()
def test_other_pixels_give_the_same_features() -> None:
    """The first convolution is fitted; at the border, where padding is another grey, it cannot be."""
    ours = loaded()
    other = Encoder(replace(NETWORK, pixel_mean=(123.675, 116.28, 103.53), pixel_std=(58.395, 57.12, 57.375))).eval()
    load_backbone(other, imagenet_file(NETWORK.backbone))
    image = torch.randint(0, 256, (1, 64, 96, 3), dtype=torch.uint8)
    pixels = [(image.permute(0, 3, 1, 2) - encoder.mean) / encoder.std for encoder in (ours, other)]
    stems = [
        encoder.backbone._bn0(encoder.backbone._conv_stem(x))[..., 1:-1, 1:-1]
        for encoder, x in zip((ours, other), pixels, strict=True)
    ]
    assert torch.allclose(*stems, atol=1e-3)


def test_a_backbone_without_a_package_says_so() -> None:
    with pytest.raises(ValueError, match="no package has weights of the backbone 'resnet18'"):
        imagenet_file("resnet18")


@pytest.mark.parametrize("wrong", [{"stem_channels": 64}, {"output_stride": 8}])
def test_what_it_does_not_have_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="has 32 stem_channels and an output_stride of 16"):
        replace(NETWORK, **wrong)


def test_names_are_listed_when_unknown() -> None:
    with pytest.raises(ValueError, match="choose one of resnet18, resnet50, resnet101, efficientnet-lite0"):
        Encoder(NetworkConfig(vocabulary=5, backbone="vgg"))
