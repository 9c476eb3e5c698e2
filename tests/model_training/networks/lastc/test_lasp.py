"""LASP: sampling on the deep stage, assignment to the shallow one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from model_training.networks.lastc.config import LastcConfig
from model_training.networks.lastc.lasp import LASP, PROPAGATIONS, Language
from tests.model_training.networks.systems import draw, real, stirred

C, TEXT, D, K = 4, 6, 5, 3
NAMES = [name for name, kind in PROPAGATIONS.items() if kind]
DEEP, SHALLOW = draw(2, C, 3, 2, seed=1), draw(2, C, 6, 4, seed=2)
LANGUAGE = Language(draw(2, TEXT, seed=3), draw(2, 4, TEXT, seed=4), real(4, 2))


def lasp(name: str, stir: bool = True, maps: int = K, **fields: Any) -> Any:
    torch.manual_seed(0)
    config = LastcConfig(
        vocabulary=9, decoder_channels=C, text_channels=TEXT, lasp_channels=D, lasp_maps=maps, lasp=name, **fields
    )
    module = PROPAGATIONS[name](config)
    return stirred(module, spread=0.5) if stir else module.double()


def literal(module: LASP, deep: Tensor, shallow: Tensor, sentence: Tensor) -> Tensor:
    """A7's default for one sample: steps 1 to 4, pixel by pixel."""
    linear = lambda layer, x: layer.weight @ x + (layer.bias if layer.bias is not None else 0)  # noqa: E731
    d, s = deep.flatten(1).T, shallow.flatten(1).T
    gate = linear(module.gate_deep, sentence).sigmoid()
    a = torch.stack([linear(module.of_deep, d_p * gate) for d_p in d], 1).softmax(1)
    g = [sum(a[k, p] * linear(module.value, d[p]) for p in range(len(d))) for k in range(K)]
    gate = linear(module.gate_shallow, sentence).sigmoid()
    out = []
    for s_q in s:
        c = linear(module.of_shallow, s_q * gate).softmax(0)
        o = sum(c[k] * g[k] for k in range(K))
        one, other = linear(module.fit_pixel, s_q), linear(module.fit_sentence, sentence)
        fit = (module.sharpness * (one @ other) / (one.norm() * other.norm()) + module.threshold).sigmoid()
        out.append(s_q + fit * linear(module.output, o))
    return torch.stack(out, 1).view_as(shallow)


def test_equals_the_equations() -> None:
    module = lasp("map")
    found = module(DEEP, SHALLOW, LANGUAGE)
    for index in range(2):
        wanted = literal(module, DEEP[index], SHALLOW[index], LANGUAGE.sentence[index])
        assert (found[index] - wanted).abs().max() < 1e-10


@pytest.mark.parametrize("fields", [{}, {"reuse": True}])
@pytest.mark.parametrize("name", NAMES)
def test_starts_as_nothing_and_learns_in_two_steps(name: str, fields: dict[str, bool]) -> None:
    module = lasp(name, stir=False, **fields).train()
    assert torch.equal(module(DEEP, SHALLOW, LANGUAGE), SHALLOW)
    optimiser = torch.optim.SGD(module.parameters(), lr=1.0)
    for _ in range(2):
        optimiser.zero_grad()
        (module(DEEP, SHALLOW, LANGUAGE) * draw(*SHALLOW.shape, seed=5)).sum().backward()
        optimiser.step()
    silent = [name for name, p in module.named_parameters() if p.grad is None or not p.grad.abs().max() > 1e-12]
    assert not silent and not torch.equal(module(DEEP, SHALLOW, LANGUAGE), SHALLOW)


@pytest.mark.parametrize("name", ["map", "slot", "word"])
def test_shares_sum_to_one(name: str) -> None:
    module = lasp(name)
    sampled, assigned = module.sampled(DEEP, LANGUAGE), module.assigned(DEEP, SHALLOW, LANGUAGE)
    assert torch.allclose(sampled.sum(-1), torch.ones_like(sampled[..., 0]))
    assert torch.allclose(assigned.sum(-1), torch.ones_like(assigned[..., 0]))
    if name == "word":
        assert torch.equal(assigned[1, :, 2:], torch.zeros(24, 2, dtype=torch.float64))


@pytest.mark.parametrize("name", ["map", "slot", "word"])
def test_a_constant_deep_stage_carries_one_value(name: str) -> None:
    module, constant = lasp(name), DEEP[..., :1, :1].expand_as(DEEP)
    wanted = module.value(constant[..., 0, 0])[:, None]
    assert torch.allclose(module.carried(constant, SHALLOW, LANGUAGE), wanted.expand(-1, 24, -1))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_carried_lies_within_what_there_is(name: str) -> None:
    module = lasp(name)
    values = module.value(DEEP.flatten(2).transpose(1, 2))
    if name == "point":
        values = module.compatibility(DEEP, LANGUAGE)[..., None] * values
    carried = module.carried(DEEP, SHALLOW, LANGUAGE)
    assert (carried <= values.amax(1, keepdim=True) + 1e-12).all()
    assert (carried >= values.amin(1, keepdim=True) - 1e-12).all()


@pytest.mark.parametrize(("name", "sampling"), [("map", "of_deep.weight"), ("slot", "slots")])
def test_the_order_of_the_maps_is_nothing(name: str, sampling: str) -> None:
    module, before, order = lasp(name), lasp(name)(DEEP, SHALLOW, LANGUAGE), [2, 0, 1]
    with torch.no_grad():
        for part in (module.get_parameter(sampling), module.of_shallow.weight, module.of_shallow.bias):
            part.copy_(part[order])
    assert torch.allclose(module(DEEP, SHALLOW, LANGUAGE), before)


@pytest.mark.parametrize("name", NAMES)
def test_one_sample_is_carried_to_all_alike(name: str) -> None:
    language = Language(LANGUAGE.sentence, LANGUAGE.words[:, :1], real(1, 1))
    carried = lasp(name, maps=1).carried(DEEP, SHALLOW, language)
    assert torch.allclose(carried, carried[:, :1].expand_as(carried)) and carried.abs().max() > 0.01


@pytest.mark.parametrize("name", NAMES)
def test_what_does_not_fit_stays_as_it_is(name: str) -> None:
    module = lasp(name)
    with torch.no_grad():
        module.threshold.fill_(-1e4)
    assert torch.equal(module(DEEP, SHALLOW, LANGUAGE), SHALLOW)


@pytest.mark.parametrize("name", NAMES)
def test_where_a_deep_pixel_is_is_nothing(name: str) -> None:
    order = torch.randperm(6, generator=torch.Generator().manual_seed(0))
    shuffled = DEEP.flatten(2)[..., order].view_as(DEEP)
    module = lasp(name)
    assert torch.allclose(module(shuffled, SHALLOW, LANGUAGE), module(DEEP, SHALLOW, LANGUAGE))


def test_suppression_multiplies_what_does_not_fit_down() -> None:
    module = lasp("map", suppress=True)
    start = lasp("map", stir=False, suppress=True).eval()
    assert 0.9 < float(start(DEEP, SHALLOW, LANGUAGE).detach().norm() / SHALLOW.norm()) < 1
    with torch.no_grad():
        module.threshold.fill_(-1e4)
        module.output.weight.zero_()
        module.output.bias.zero_()
    assert torch.equal(module(DEEP, SHALLOW, LANGUAGE), torch.zeros_like(SHALLOW))


@pytest.mark.parametrize("fields", [{}, {"reuse": True}])
@pytest.mark.parametrize("name", NAMES)
def test_batches_padding_and_zeros(name: str, fields: dict[str, bool]) -> None:
    module = lasp(name, **fields)
    whole = module(DEEP, SHALLOW, LANGUAGE)
    for index, length in enumerate((4, 2)):
        at = slice(index, index + 1)
        language = Language(LANGUAGE.sentence[at], LANGUAGE.words[at, :length], real(length))
        assert torch.allclose(module(DEEP[at], SHALLOW[at], language)[0], whole[index])
    for dtype in (torch.float64, torch.float16):
        nothing = Language(*(torch.zeros_like(part, dtype=dtype) for part in LANGUAGE[:2]), LANGUAGE.mask)
        deep, shallow = torch.zeros(2, C, 1, 1, dtype=dtype), torch.zeros(2, C, 2, 2, dtype=dtype)
        assert torch.isfinite(module.to(dtype)(deep, shallow, nothing)).all()
