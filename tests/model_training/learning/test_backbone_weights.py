"""Weights of a backbone from files: each naming, what the pixels become, the report, and what is refused."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from model_training.learning.backbone_weights import load_backbone
from model_training.networks.cmsa.encoder import Encoder
from model_training.networks.config import NetworkConfig
from tests.model_training import tiny

SMALLEST = {"vocabulary": 5, "height": 48, "width": 48, "clip": 1, "stem_channels": 4}
BGR = NetworkConfig(backbone="resnet50", **SMALLEST)
RGB = NetworkConfig(
    backbone="resnet50",
    pixel_mean=(123.675, 116.28, 103.53),
    pixel_std=(58.395, 57.12, 57.375),
    bgr=False,
    **SMALLEST,
)
OF_UNIT = {"conv1": "reduce.conv", "bn1": "reduce.bn", "conv2": "conv3x3.conv", "bn2": "conv3x3.bn"}
OF_UNIT |= {
    "conv3": "increase.conv",
    "bn3": "increase.bn",
    "downsample.0": "shortcut.conv",
    "downsample.1": "shortcut.bn",
}


def encoder(config: NetworkConfig, seed: int = 1) -> Encoder:
    return tiny.network(seed, config).encoder


def torchvision(source: Encoder) -> dict[str, Tensor]:
    return {k.removeprefix("backbone."): v for k, v in source.state_dict().items() if k.startswith("backbone.")}


def in_units(name: str) -> str:
    """layer1.0.conv1.weight -> layer2.block1.reduce.conv.weight, as DeepLab's later port has it."""
    found = re.fullmatch(r"layer(\d)\.(\d+)\.(.+)\.(\w+)", name)
    if not found:
        return re.sub(r"^(conv|bn)1\.", r"layer1.conv1.\1.", name)
    return f"layer{int(found[1]) + 1}.block{int(found[2]) + 1}.{OF_UNIT[found[3]]}.{found[4]}"


def write(path: Path, tensors: dict[str, Tensor], wrapped: bool = False) -> Path:
    if path.suffix == ".safetensors":
        save_file({name: value.contiguous() for name, value in tensors.items()}, path)
    else:
        torch.save({"state_dict": tensors, "epoch": 3} if wrapped else tensors, path)
    return path


NAMINGS = {
    "torchvision's": (RGB, lambda name: name),
    "torchvision's, of a segmentation network": (RGB, lambda name: f"backbone.{name}"),
    "torchvision's, of several GPUs": (RGB, lambda name: f"module.{name}"),
    "DeepLab's": (BGR, lambda name: f"Scale.{name}"),
    "DeepLab's, of units": (BGR, lambda name: f"base.{in_units(name)}"),
    "this project's": (RGB, lambda name: f"encoder.backbone.{name}"),
}


@pytest.mark.parametrize("ending", [".safetensors", ".pth"])
@pytest.mark.parametrize("naming", NAMINGS)
def test_weights_see_what_they_were_made_for(naming: str, ending: str, tmp_path: Path) -> None:
    """The same features come out, whatever way the network prepares its pixels."""
    config, name_of = NAMINGS[naming]
    source = encoder(config)
    tensors = {name_of(name): value for name, value in torchvision(source).items()}
    tensors[name_of("fc.weight")] = torch.zeros(7, 3)
    path = write(tmp_path / f"weights{ending}", tensors, wrapped=True)
    # Grey at the border is 0 after the mean is subtracted, which is what the first convolution pads with.
    image = torch.full((1, 48, 48, 3), 114, dtype=torch.uint8)
    image[:, 20:28, 20:28] = torch.tensor([200, 90, 30], dtype=torch.uint8)
    for target in (encoder(BGR, seed=2), encoder(RGB, seed=2)):
        report = load_backbone(target, path)
        assert not report.missing and not report.other_shape
        assert report.left == (name_of("fc.weight"),) and len(report.loaded) == 53 * 5
        assert naming.split(",")[0] in str(report) and "fc.weight" in str(report)
        first = [
            x.backbone.bn1(x.backbone.conv1(prepared(x, image)))[:, :, 8:16, 8:16].detach() for x in (source, target)
        ]
        assert torch.allclose(*first, atol=2e-4 * float(first[0].abs().max()))
    assert torch.equal(target.backbone.layer4[2].conv3.weight, source.backbone.layer4[2].conv3.weight)


def prepared(of: Encoder, image: Tensor) -> Tensor:
    pixels = (image.float().permute(0, 3, 1, 2) - of.mean) / of.std
    return pixels.flip(1) if of.bgr else pixels


def test_the_shipped_network_gives_its_colour_stem_too(tmp_path: Path) -> None:
    source, target = tiny.network(1), tiny.network(2)
    path = write(tmp_path / "model.safetensors", source.state_dict())
    report = load_backbone(target.encoder, path)
    assert not report.missing and any(name.startswith("fusion.") for name in report.left)
    for name, value in source.encoder.state_dict().items():
        if name.startswith(("backbone.", "colour.")) and "tracked" not in name:
            assert torch.allclose(target.encoder.state_dict()[name], value, atol=1e-6), name


def test_what_is_missing_or_of_another_shape_is_told(tmp_path: Path) -> None:
    tensors = torchvision(encoder(RGB))
    del tensors["layer4.1.conv2.weight"]
    tensors["layer3.0.conv1.weight"] = torch.zeros(2, 3, 1, 1)
    target = encoder(RGB, seed=2)
    before = target.backbone.layer3[0].conv1.weight.clone()
    report = load_backbone(target, write(tmp_path / "partial.pth", tensors))
    assert report.missing == ("backbone.layer4.1.conv2.weight",)
    assert report.other_shape == ("backbone.layer3.0.conv1.weight (2, 3, 1, 1) for (16, 32, 1, 1)",)
    text = str(report)
    assert f"263 of {53 * 5} tensors" in text and "layer4.1.conv2" in text and "(2, 3, 1, 1)" in text
    assert torch.equal(target.backbone.layer3[0].conv1.weight, before)


class Evil:
    def __reduce__(self) -> tuple:
        return (print, ("run",))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("text.pth", b"hello, world", "text.pth: no file of weights that is read"),
        ("empty.pth", b"", "empty.pth: no file of weights that is read"),
        ("evil.pth", pickle.dumps({"a": Evil()}), "evil.pth: no file of weights that is read"),
        ("text.safetensors", b"hello, world", "text.safetensors: no file of weights that is read"),
        ("list.pth", [torch.zeros(2)], "list.pth: holds no tensors by names, but a list"),
        ("other.pth", {"linear.weight": torch.zeros(2)}, "other.pth: no weights of a ResNet .* it has linear.weight"),
        ("wider.pth", "another backbone", "wider.pth: of another backbone than this network has"),
        ("missing.pth", None, "missing.pth: there is no such file"),
    ],
)
def test_other_files_are_refused_in_a_line(
    name: str, content: object, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    if content == "another backbone":
        torch.save({key: value[..., None] for key, value in torchvision(encoder(RGB)).items()}, path)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises((ValueError, OSError), match=message) as error:
        load_backbone(encoder(RGB), path)
    assert "\n" not in str(error.value) and capsys.readouterr().out == ""
