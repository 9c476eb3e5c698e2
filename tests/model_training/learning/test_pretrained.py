"""Files of ImageNet's ResNet, Kinetics' I3D and BERT, by the names that they have out there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from model_training.learning.backbone_weights import read_tensors
from model_training.learning.pretrained import BRANCHES, KINETICS, load_backbone_of, load_bert, load_i3d, load_resnet
from model_training.networks.lastc.i3d import I3D
from model_training.networks.layers.pixels import IMAGENET, UNIT, Pixels
from model_training.networks.layers.residual import StagedResNet
from model_training.networks.vlide.bert import Bert
from model_training.networks.vlide.config import vlide_config
from tests.model_training.networks.systems import lastc, vlide

BERT = vlide_config("small", vocabulary=12, text_channels=8, text_heads=2, groups=(1, 2, 3), positions=8)
I3D_OLD = {ours: theirs for theirs, ours in BRANCHES.items()}


def stirred(module: nn.Module) -> nn.Module:
    """In evaluation mode, with averages that are not at their start."""
    for name, buffer in module.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
    return module.eval()


def kinetics_name(name: str) -> str:
    """Mixed_3b.b1a.conv3d.weight -> mixed_3b.branch_1.0.conv3d.weight, as in kinetics_i3d_pytorch."""
    name = re.sub(r"\.(b[0-3][ab]?)\.", lambda found: f".branch_{I3D_OLD[found[1]]}.", name)
    return name[0].lower() + name[1:].replace(".bn.", ".batch3d.")


def written(path: Path, tensors: dict[str, Tensor]) -> Path:
    torch.save(tensors, path)
    return path


@pytest.mark.parametrize("imagenet_norm", [True, False])
def test_a_resnet_sees_what_it_was_made_for(imagenet_norm: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    source, target, pixels = stirred(StagedResNet()), StagedResNet().eval(), Pixels(imagenet_norm)
    path = written(tmp_path / "resnet50.pth", source.state_dict() | {"fc.weight": torch.zeros(3, 2)})
    report = load_resnet(target, pixels, read_tensors(path), path)
    assert len(report.loaded) == 53 * 5 and not report.missing and report.left == ("fc.weight",)
    assert "265 of 265 tensors of the backbone, by torchvision's names" in str(report)
    image = torch.randint(0, 256, (1, 24, 24, 3), dtype=torch.uint8)
    inner = (..., slice(3, 9), slice(3, 9))  # at the border what is padded differs
    wanted = source.stage(0, Pixels(True)(image))[inner]
    assert torch.allclose(target.stage(0, pixels(image))[inner], wanted, atol=1e-4)
    assert (IMAGENET if imagenet_norm else UNIT)[0] == pytest.approx(pixels.mean.tolist())


@pytest.mark.parametrize("name_of", [lambda name: name, lambda name: f"module.{name}", kinetics_name])
def test_an_i3d_sees_what_it_was_made_for(name_of, tmp_path: Path) -> None:
    torch.manual_seed(0)
    source, target, pixels = stirred(I3D()), I3D().eval(), Pixels(True)
    tensors = {name_of(name): value for name, value in source.state_dict().items()}
    last = name_of("logits.conv3d.weight")
    path = written(tmp_path / "rgb_imagenet.pt", tensors | {last: torch.zeros(2)})
    report = load_i3d(target, pixels, read_tensors(path), path)
    assert not report.missing and not report.other_shape and report.left == (last,)
    assert f"{len(report.loaded)} of {len(report.loaded)} tensors of the I3D" in str(report)
    for name, value in source.state_dict().items():
        if not name.startswith("Conv3d_1a") and not name.endswith("tracked"):
            assert torch.equal(target.state_dict()[name], value), name
    clip = torch.randint(0, 256, (1, 8, 24, 24, 3), dtype=torch.uint8)
    theirs = (clip.movedim(-1, -3).transpose(1, 2) - KINETICS[0][0]) / KINETICS[1][0]
    inner = (..., slice(1, 2), slice(3, 9), slice(3, 9))  # of the times, one has all its frames
    found = target.stage(0, pixels(clip).transpose(1, 2))
    assert torch.allclose(found[inner], source.stage(0, theirs)[inner], atol=1e-4)


@pytest.mark.parametrize("prefix", ["", "bert."])
@pytest.mark.parametrize("old", [False, True])
def test_bert_by_its_names(prefix: str, old: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    source, target = Bert(BERT), Bert(BERT)
    tensors = {prefix + name: value for name, value in source.state_dict().items()}
    if old:
        for new, before in (("LayerNorm.weight", "LayerNorm.gamma"), ("LayerNorm.bias", "LayerNorm.beta")):
            tensors = {name.replace(new, before): value for name, value in tensors.items()}
    left = {
        f"{prefix}pooler.dense.weight": torch.zeros(8, 8),
        f"{prefix}encoder.layer.3.output.dense.bias": torch.zeros(8),
    }
    path = written(tmp_path / "bert.bin", tensors | left)
    report = load_bert(target, read_tensors(path), path)
    assert set(report.left) == set(left) and not report.missing and "tensors of the language encoder" in str(report)
    assert all(torch.equal(value, target.state_dict()[name]) for name, value in source.state_dict().items())


def test_what_is_missing_or_of_another_shape_is_told(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tensors = Bert(BERT).state_dict()
    del tensors["encoder.layer.2.output.dense.bias"]
    tensors["embeddings.word_embeddings.weight"] = torch.zeros(30, 8)
    target = Bert(BERT)
    before = target.embeddings.word_embeddings.weight.clone()
    path = written(tmp_path / "bert.bin", tensors)
    report = load_bert(target, read_tensors(path), path)
    assert report.missing == ("encoder.layer.2.output.dense.bias",)
    assert report.other_shape == ("embeddings.word_embeddings.weight (30, 8) for (14, 8)",)
    assert torch.equal(target.embeddings.word_embeddings.weight, before)


@pytest.mark.parametrize("what", ["resnet", "i3d", "bert"])
def test_another_file_is_refused_in_a_line(what: str, tmp_path: Path) -> None:
    path = written(tmp_path / "other.pth", {"linear.weight": torch.zeros(2)})
    load = {
        "resnet": lambda: load_resnet(StagedResNet(widths=(4, 4, 4, 4, 4)), Pixels(True), read_tensors(path), path),
        "i3d": lambda: load_i3d(I3D(), Pixels(True), read_tensors(path), path),
        "bert": lambda: load_bert(Bert(BERT), read_tensors(path), path),
    }[what]
    with pytest.raises(ValueError, match="other.pth: no weights of .*; it has linear.weight") as error:
        load()
    assert "\n" not in str(error.value)


def test_a_small_network_takes_no_weights_of_a_large_one(tmp_path: Path) -> None:
    path = written(tmp_path / "resnet50.pth", StagedResNet().state_dict())
    with pytest.raises(ValueError, match="resnet50.pth: of another backbone than this network has"):
        load_resnet(StagedResNet(widths=(8, 8, 12, 16, 16)), Pixels(True), read_tensors(path), path)


def test_a_file_goes_to_the_part_of_the_system_that_its_names_are_of(tmp_path: Path) -> None:
    lasting, interleaved = lastc(widths=None), vlide()
    for system, part, what in (
        (lasting, lasting.temporal.encoder, "I3D"),
        (lasting, lasting.spatial.encoder, "backbone"),
        (interleaved, interleaved.bert, "language encoder"),
        (interleaved, interleaved.cnn, "backbone"),
    ):
        wanted = {name: value.clone() for name, value in part.state_dict().items()}
        before = {name: value.clone() for name, value in system.state_dict().items()}
        report = load_backbone_of(system, written(tmp_path / "part.pth", {n: v + 1 for n, v in wanted.items()}))
        assert report.part == what and set(report.loaded) == {n for n in wanted if not n.endswith("_tracked")}
        theirs = {value.data_ptr() for value in part.state_dict().values()}
        for name, value in system.state_dict().items():
            assert (value.data_ptr() in theirs) or torch.equal(value, before[name]), name
        assert all(not torch.equal(part.state_dict()[name], wanted[name]) for name in report.loaded)
