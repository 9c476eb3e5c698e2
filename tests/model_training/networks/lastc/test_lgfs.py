"""LGFS: how a sentence selects between two streams."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from model_training.networks.lastc.lgfs import SELECTIONS
from tests.model_training.networks.systems import draw, stirred

C, TEXT = 4, 6


def selection(name: str) -> nn.Module:
    torch.manual_seed(0)
    return stirred(SELECTIONS[name](C, TEXT))


def inputs(seed: int = 0) -> list[torch.Tensor]:
    return [draw(2, C, 3, 5, seed=seed), draw(2, C, 3, 5, seed=seed + 1), draw(2, TEXT, seed=seed + 2)]


def swapped(columns: torch.Tensor) -> torch.Tensor:
    return torch.cat([columns[:, C : 2 * C], columns[:, :C], columns[:, 2 * C :]], 1)


def exchange(module: nn.Module, name: str) -> None:
    """Give each stream the other's weights."""
    with torch.no_grad():
        if name in ("concat", "sigmoid2"):
            weight = module.merge[0].weight
            weight.copy_(swapped(weight))
        if name in ("softmax", "sigmoid2"):
            module.squeeze.weight.copy_(swapped(module.squeeze.weight))
    if name == "softmax":
        module.of_spatial, module.of_temporal = module.of_temporal, module.of_spatial
    for part in {"sigmoid2": ["by_sentence", "by_streams"], "attnpool": ["key", "joint", "gate", "own"]}.get(name, []):
        setattr(module, part, nn.ModuleList(reversed(getattr(module, part))))


@pytest.mark.parametrize("name", SELECTIONS)
def test_streams_swapped_with_their_weights_are_the_same(name: str) -> None:
    module, (spatial, temporal, sentence) = selection(name), inputs()
    before = module(spatial, temporal, sentence)
    assert not torch.allclose(module(temporal, spatial, sentence), before)
    exchange(module, name)
    assert torch.allclose(module(temporal, spatial, sentence), before)


def test_softmax_shares_sum_to_one_and_equal_streams_blend_to_either() -> None:
    module, (spatial, temporal, sentence) = selection("softmax"), inputs()
    shares = module.shares(spatial, temporal, sentence)
    assert torch.allclose(shares.sum(1), torch.ones(2, C, dtype=torch.float64)) and shares.std() > 0.01
    assert torch.allclose(module.blend(spatial, spatial, sentence), spatial)


def test_gates_are_between_nothing_and_all() -> None:
    for pair in selection("sigmoid2").gates(*inputs()):
        for gate in pair:
            assert gate.min() > 0 and gate.max() < 1


@pytest.mark.parametrize("name", [name for name in SELECTIONS if name != "concat"])
def test_another_sentence_selects_otherwise(name: str) -> None:
    module, (spatial, temporal, sentence) = selection(name), inputs()
    assert not torch.allclose(module(spatial, temporal, sentence), module(spatial, temporal, sentence + 1))


@pytest.mark.parametrize("name", SELECTIONS)
def test_batches_and_zeros(name: str) -> None:
    module, whole = selection(name), inputs()
    alone = torch.cat([module(*(part[i : i + 1] for part in whole)) for i in range(2)])
    assert torch.allclose(module(*whole), alone)
    assert torch.isfinite(module(*(torch.zeros_like(part) for part in whole))).all()
    assert torch.isfinite(module(*(part[..., :1, :1] for part in whole[:2]), whole[2])).all()


@pytest.mark.parametrize("name", SELECTIONS)
def test_every_parameter_learns(name: str) -> None:
    module = selection(name).train()
    (module(*inputs()) * draw(2, C, 3, 5, seed=5)).sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 1e-12 for p in module.parameters())
