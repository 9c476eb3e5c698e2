"""Each switch's own layer in ONNX Runtime: the same numbers as in torch."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from model_training.graphs import onnx_file
from model_training.networks.base import Graph
from model_training.networks.lastc.cmam import CMAM, Modulated
from model_training.networks.lastc.config import LastcConfig
from model_training.networks.lastc.i3d import I3D
from model_training.networks.lastc.lasp import PROPAGATIONS, Language
from model_training.networks.lastc.lgfs import SELECTIONS
from model_training.networks.lastc.words_update import UPDATES
from model_training.networks.vlide.config import vlide_config
from model_training.networks.vlide.efn import EfnDecoder
from model_training.networks.vlide.lmdf import LMDF
from model_training.networks.vlide.vlmg import VLMG
from tests.model_training.networks.systems import draw, real, stirred

MASK = real(4, 2)
WORDS = draw(2, 4, 16, seed=1).float()


class Called(nn.Module):
    """A layer as a function of tensors alone."""

    def __init__(self, layer: nn.Module, call: Any) -> None:
        super().__init__()
        self.layer, self.call = layer, call

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        found = self.call(self.layer, *inputs)
        return (found,) if isinstance(found, Tensor) else tuple(found)


def difference(layer: nn.Module, inputs: list[Tensor], call: Any = lambda layer, *given: layer(*given)) -> float:
    """Largest difference between ONNX Runtime and torch, of the largest number where that is above 1."""
    graph = Called(stirred(layer, spread=0.3).float(), call).eval()
    with torch.no_grad():
        wanted = graph(*inputs)
    names, outputs = ([f"{side}_{i}" for i in range(len(arrays))] for side, arrays in (("in", inputs), ("out", wanted)))
    given = Graph("layer", graph, {name: {} for name in names}, tuple(outputs))
    file = onnx_file(given, dict(zip(names, inputs, strict=True)))
    session = onnxruntime.InferenceSession(file)
    read = {part.name for part in session.get_inputs()}  # the exporter leaves out what a layer does not look at
    given = {name: part.numpy() for name, part in zip(names, inputs, strict=True) if name in read}
    found = session.run(None, given)
    pairs = [(one, two.numpy()) for one, two in zip(found, wanted, strict=True)]
    return max(float(np.abs(one - two).max() / max(1.0, np.abs(two).max())) for one, two in pairs)


@pytest.mark.parametrize(
    "fields",
    [
        {"attn_scale": "l2_learned"},
        {"attn_scale": "mean", "zero_init": False},
        {"q_norm": "bn", "cmam_conv": "dw"},
        {"cmam_conv": "bottleneck4"},
    ],
)
@pytest.mark.parametrize("dims", [2, 3])
def test_cmam(dims: int, fields: dict[str, Any]) -> None:
    v = draw(2, 4, *([2] if dims == 3 else []), 6, 5).float()
    layer = CMAM(4, dims, LastcConfig(vocabulary=9, text_channels=16, **fields))
    assert difference(layer, [v, WORDS, MASK]) < 1e-4


@pytest.mark.parametrize("name", [name for name, update in UPDATES.items() if update])
def test_updates_of_words(name: str) -> None:
    seen = [draw(2, 4, 45, 30).float(), draw(2, 4, seed=2).float(), draw(2, 16, seed=3).float()]
    call = lambda layer, words, mask, *seen: layer(words, Modulated(*seen), mask)  # noqa: E731
    assert difference(UPDATES[name](4, 16), [WORDS, MASK, *seen], call) < 1e-4


@pytest.mark.parametrize("name", SELECTIONS)
def test_lgfs(name: str) -> None:
    inputs = [draw(2, 4, 6, 5).float(), draw(2, 4, 6, 5, seed=1).float(), draw(2, 16, seed=2).float()]
    assert difference(SELECTIONS[name](4, 16), inputs) < 1e-4


def test_i3d() -> None:
    call = lambda layer, clip: functools.reduce(lambda x, index: layer.stage(index, x), range(5), clip)  # noqa: E731
    assert difference(I3D(), [draw(1, 3, 8, 32, 32).float()], call) < 1e-4


LASPS: list[tuple[str, dict[str, bool]]] = [(name, {}) for name, kind in PROPAGATIONS.items() if kind]
LASPS += [("word", {"reuse": True}), ("map", {"suppress": True})]


@pytest.mark.parametrize(("name", "fields"), LASPS)
def test_lasp(name: str, fields: dict[str, bool]) -> None:
    config = LastcConfig(vocabulary=9, decoder_channels=4, text_channels=16, lasp_channels=5, lasp_maps=3, **fields)
    inputs = [draw(2, 4, 3, 4).float(), draw(2, 4, 6, 8, seed=1).float(), draw(2, 16, seed=2).float(), WORDS, MASK]
    call = lambda layer, deep, shallow, *language: layer(deep, shallow, Language(*language))  # noqa: E731
    assert difference(PROPAGATIONS[name](config), inputs, call) < 1e-4


@pytest.mark.parametrize(
    "fields",
    [{}, {"lvam": "dense"}, {"lvam": "coatt", "resid": "norm"}, {"order": "parallel", "scale": False}]
    + [{"order": "language-first"}],
)
def test_vlmg(fields: dict[str, Any]) -> None:
    config = vlide_config("small", vocabulary=9, text_channels=16, guided_channels=8, pooled_channels=4, **fields)
    assert difference(VLMG(5, config), [draw(2, 5, 6, 7).float(), WORDS, MASK]) < 1e-4


@pytest.mark.parametrize(
    "fields",
    [{}, {"st": "mean", "knorm": "softmax9"}, {"st": "none", "lguide": "gate", "knorm": "delta"}]
    + [{"dils": (1, 2, 3), "kgroups": 2}],
)
def test_lmdf(fields: dict[str, Any]) -> None:
    config = vlide_config("small", vocabulary=9, text_channels=16, reduced_channels=16, **({"kgroups": 4} | fields))
    frames = [draw(2, 16, 10, 9).float(), draw(2, 2, 16, 10, 9, seed=1).float()]
    assert difference(LMDF(config), [*frames, WORDS, MASK]) < 1e-4


def test_efn() -> None:
    """With a warp that is not the identity."""
    maps = [draw(2, channels, side, side).float() for channels, side in ((16, 8), (16, 4), (16, 4), (6, 16), (5, 16))]

    def call(layer: nn.Module, *given: Tensor) -> tuple[Tensor, ...]:
        decoded = layer(list(given[:3]), *given[3:])
        return (decoded.finest, decoded.mask, *decoded.coarse, *decoded.edges)

    assert difference(EfnDecoder(16, c2=6, c1=5), maps, call) < 1e-4
