"""CMAM+: what the words take up of a stage."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from model_training.networks.lastc.cmam import Modulated
from model_training.networks.lastc.words_update import MOST_CELLS, UPDATES, CrossAttention
from model_training.networks.layers.positions import sine_map
from tests.model_training.networks.systems import draw, real, stirred

NAMES = [name for name, update in UPDATES.items() if update]


def update(name: str, stir: bool = True) -> nn.Module:
    torch.manual_seed(0)
    module = UPDATES[name](4, 16)
    return stirred(module) if stir else module.double()


def seen(*size: int, seed: int = 1) -> Modulated:
    return Modulated(draw(2, 4, *size, seed=seed), draw(2, 5, seed=2), draw(2, 16, seed=3))


def literal(module: CrossAttention, words: Tensor, features: Tensor) -> Tensor:
    """A4's default for one sample without padding, head by head."""
    mean = features.mean(1) if features.ndim == 4 else features
    x = mean.flatten(1).T + sine_map(*mean.shape[-2:], 4, words)
    rows = []
    for word in words:
        query = module.query.weight @ module.norm(word) + module.query.bias
        heads = []
        for part in (slice(i * 2, i * 2 + 2) for i in range(8)):
            keys = torch.stack([(module.key.weight @ x_p)[part] for x_p in x])
            values = torch.stack([(module.value.weight @ x_p + module.value.bias)[part] for x_p in x])
            heads.append((keys @ query[part] / 2**0.5).softmax(0) @ values)
        rows.append(word + module.output.weight @ torch.cat(heads) + module.output.bias)
    return torch.stack(rows)


@pytest.mark.parametrize("size", [(3, 5), (2, 3, 5)])
def test_words_attend_to_the_stage(size: tuple[int, ...]) -> None:
    module, words, stage = update("xattn"), draw(2, 5, 16), seen(*size)
    found = module(words, stage, real(5, 5))
    for index in range(2):
        assert (found[index] - literal(module, words[index], stage.features[index])).abs().max() < 1e-10


def test_rows_of_attention_sum_to_one() -> None:
    module, stage = update("xattn"), seen(3, 5)
    weights = module.weights(draw(2, 5, 16), module.cells(stage.features))
    assert weights.shape == (2, 8, 5, 15) and torch.allclose(weights.sum(-1), torch.ones(2, 8, 5, dtype=torch.float64))


@pytest.mark.parametrize(("size", "cells"), [((20, 20), 400), ((40, 80), 400), ((45, 60), 300)])
def test_large_maps_are_averaged(size: tuple[int, int], cells: int) -> None:
    assert update("xattn").cells(draw(1, 4, *size)).shape == (1, cells, 4) and cells <= MOST_CELLS**2


@pytest.mark.parametrize("name", NAMES)
def test_starts_as_nothing_and_learns_in_two_steps(name: str) -> None:
    module, words, stage = update(name, stir=False).train(), draw(2, 5, 16), seen(3, 5)
    assert torch.equal(module(words, stage, real(5, 3)), words)
    optimiser = torch.optim.SGD(module.parameters(), lr=1.0)
    for _ in range(2):
        optimiser.zero_grad()
        (module(words, stage, real(5, 3)) * draw(2, 5, 16, seed=4)).sum().backward()
        optimiser.step()
    assert all(p.grad is not None and p.grad.abs().max() > 1e-12 for p in module.parameters())
    assert not torch.equal(module(words, stage, real(5, 3)), words)


@pytest.mark.parametrize("name", NAMES)
def test_padding_changes_nothing_and_stays_as_it_is(name: str) -> None:
    module, words, stage = update(name), draw(2, 5, 16), seen(3, 5)
    whole, short = module(words, stage, real(3, 3, size=5)), module(words[:, :3], stage, real(3, 3))
    assert torch.allclose(whole[:, :3], short) and torch.equal(whole[:, 3:], words[:, 3:])


def test_context_is_the_same_for_every_word() -> None:
    words = draw(2, 5, 16)
    change = update("ctx")(words, seen(3, 5), real(5, 5)) - words
    assert torch.allclose(change, change[:, :1].expand_as(change)) and change.abs().max() > 0.01


def test_words_attend_to_each_other() -> None:
    module, words, stage = update("self"), draw(2, 5, 16), seen(3, 5)
    other = words.clone()
    other[:, 4] = draw(2, 16, seed=9)
    assert not torch.allclose(module(words, stage, real(5, 5))[:, :4], module(other, stage, real(5, 5))[:, :4])


@pytest.mark.parametrize("name", NAMES)
def test_zeros_and_one_word_are_no_trouble(name: str) -> None:
    zeros = Modulated(*(torch.zeros(shape, dtype=torch.float64) for shape in ((2, 4, 1, 1), (2, 1), (2, 16))))
    assert torch.isfinite(update(name)(torch.zeros(2, 1, 16, dtype=torch.float64), zeros, real(1, 1))).all()
