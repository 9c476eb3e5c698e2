"""Weights that others made for parts of the systems: ImageNet's backbones, Kinetics' I3D, BERT."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from model_training.learning.backbone_weights import (
    Pixels,
    Report,
    backbone_names,
    fit_pixels,
    load_backbone,
    read_tensors,
    taken,
)
from model_training.networks.base import System
from model_training.networks.lastc.i3d import I3D
from model_training.networks.lastc.system import Lastc
from model_training.networks.layers.pixels import Pixels as Prepared
from model_training.networks.layers.residual import StagedResNet
from model_training.networks.refseg import ReferringSegmentation
from model_training.networks.vlide.bert import Bert
from model_training.networks.vlide.system import Vlide

Tensors = Mapping[str, Tensor]
"""Of a file, by its names."""

KINETICS: Pixels = ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5), False)
"""I3D's own: R, G, B in -1..1."""

I3D_SIGN, BERT_SIGN = "conv3d_1a_7x7.conv3d.weight", "embeddings.word_embeddings.weight"
"""The tensor by which such a file is known, in lower case."""

BRANCHES = {"0": "b0", "1.0": "b1a", "1.1": "b1b", "2.0": "b2a", "2.1": "b2b", "3.1": "b3b"}


def load_backbone_of(system: System, path: Path, share: float = 1.0) -> Report:
    """Load a file into the part of a system that has its names: the image encoder, LASTC's I3D or VLIDE's BERT.

    A share below 1 mixes the file's weights with the present ones, as Wortsman et al. do ("Robust fine-tuning of
    zero-shot models", CVPR 2022): what the network has forgotten of the file comes back in part. The present weights
    must have started from the file's.

    Raises:
        ValueError: it has no weights of such a part; the message names the file.
        OSError: it cannot be read.
    """
    before = {name: value.clone() for name, value in system.state_dict().items() if value.is_floating_point()}
    report = _load(system, path)
    state = system.state_dict()
    with torch.no_grad():
        for name, value in before.items():
            state[name].lerp_(value, 1 - share)
    return report


def _load(system: System, path: Path) -> Report:
    if isinstance(system, ReferringSegmentation):
        return load_backbone(system.encoder, path)
    assert isinstance(system, Lastc | Vlide)
    found = read_tensors(path)
    if isinstance(system, Vlide):
        if _behind(found, BERT_SIGN, bert_name):
            return load_bert(system.bert, found, path)
        return load_resnet(system.cnn, system.pixels, found, path)
    temporal, spatial = system.temporal.encoder, system.spatial.encoder
    if isinstance(temporal, I3D) and _behind(found, I3D_SIGN, i3d_name):
        return load_i3d(temporal, system.pixels, found, path)
    return load_resnet(spatial, system.pixels, found, path)


def load_resnet(cnn: StagedResNet, pixels: Prepared, found: Tensors, path: Path) -> Report:
    """Put the tensors of a file of a ResNet, by torchvision's or DeepLab's names, into a CNN.

    Raises:
        ValueError: no weights of such a CNN; the message names the file.
    """
    naming, given = backbone_names(found, path)
    given = {ours.removeprefix("backbone."): name for ours, name in given.items()}
    loaded, report = taken(cnn.state_dict(), found, given, path, naming.title)
    fit_pixels(loaded, "conv1", "bn1", naming.pixels, _of(pixels))
    cnn.load_state_dict(loaded, strict=False)
    return report


def load_i3d(i3d: I3D, pixels: Prepared, found: Tensors, path: Path) -> Report:
    """Put the tensors of a file of an I3D of RGB into one: by the names of pytorch-i3d (`Mixed_3b.b1a`) or of
    kinetics_i3d_pytorch (`mixed_3b.branch_1.0`). Raises as `load_resnet`.
    """
    given = _behind(found, I3D_SIGN, i3d_name)
    if not given:
        raise ValueError(f"{path}: no weights of an I3D by their usual names; it has {', '.join(list(found)[:3])}")
    loaded, report = taken(i3d.state_dict(), found, given, path, "Kinetics I3D's", "I3D")
    fit_pixels(loaded, "Conv3d_1a_7x7.conv3d", "Conv3d_1a_7x7.bn", KINETICS, _of(pixels))
    i3d.load_state_dict(loaded, strict=False)
    return report


def load_bert(bert: Bert, found: Tensors, path: Path) -> Report:
    """Put the tensors of a file of BERT, by the names of `transformers` or those before it, into a language encoder.
    Raises as `load_resnet`.
    """
    given = _behind(found, BERT_SIGN, bert_name)
    if not given:
        raise ValueError(f"{path}: no weights of BERT by their usual names; it has {', '.join(list(found)[:3])}")
    loaded, report = taken(bert.state_dict(), found, given, path, "BERT's", "language encoder")
    bert.load_state_dict(loaded, strict=False)
    return report


def i3d_name(name: str) -> str:
    """A file's name, in either naming -> ours, which is pytorch-i3d's."""
    if name[:1].isupper():
        return name
    branch = re.fullmatch(r"(mixed_\d\w)\.branch_(\d(?:\.\d)?)\.(.+)", name)
    if branch and branch[2] in BRANCHES:
        name = f"{branch[1]}.{BRANCHES[branch[2]]}.{branch[3]}"
    return name[:1].upper() + name[1:].replace(".batch3d.", ".bn.")


def bert_name(name: str) -> str:
    """Old files call a norm's weight and bias gamma and beta."""
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")


def _behind(found: Tensors, sign: str, ours: Callable[[str], str]) -> dict[str, str]:
    """Our name -> the file's, without the prefix before `sign`; empty where there is no such name."""
    signs = sorted((name for name in found if f".{name}".lower().endswith(f".{sign}")), key=len)
    if not signs:
        return {}
    prefix = signs[0][: -len(sign)]
    return {ours(name.removeprefix(prefix)): name for name in found}


def _of(pixels: Prepared) -> Pixels:
    return tuple(pixels.mean.tolist()), tuple(pixels.deviation.tolist()), False
