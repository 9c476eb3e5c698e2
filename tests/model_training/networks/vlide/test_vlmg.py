"""VLMG: against its equations, and the properties of part D."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from model_training.networks.layers.positions import rows
from model_training.networks.vlide.config import vlide_config
from model_training.networks.vlide.guidance import GUIDANCES, DenseGuidance, PooledGuidance
from model_training.networks.vlide.pyramid import pyramid
from model_training.networks.vlide.vlmg import ORDERS, VLMG, WordAttention
from tests.model_training.networks.systems import draw, real, stirred

C, TEXT = 5, 6
FIELDS = [{"lvam": name} for name in GUIDANCES] + [{"order": name} for name in ORDERS] + [{"scale": False}]


def vlmg(stir: bool = True, **fields: Any) -> VLMG:
    torch.manual_seed(0)
    config = vlide_config("small", vocabulary=9, text_channels=TEXT, guided_channels=4, pooled_channels=3, **fields)
    module = VLMG(C, config)
    return stirred(module, spread=0.3) if stir else module.double()


def literal(module: VLMG, c: Tensor, states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """B2's default for one sample without padding: steps 1 to 5, position by position."""
    height, width = c.shape[-2:]
    at = lambda layer, x: layer.weight.flatten(1) @ x + (0 if layer.bias is None else layer.bias)  # noqa: E731
    convolution, norm, _ = module.join
    sentence = at(module.sentence, states[0])
    x = []
    for i in range(height):
        for j in range(width):
            x0, y0, x1, y1 = 2 * j / width - 1, 2 * i / height - 1, 2 * (j + 1) / width - 1, 2 * (i + 1) / height - 1
            place = [x0, y0, x1, y1, (x0 + x1) / 2, (y0 + y1) / 2, 1 / width, 1 / height]
            joined = torch.cat([c[:, i, j] / c[:, i, j].norm(), sentence, torch.tensor(place, dtype=c.dtype)])
            x_p = at(convolution, joined)
            x.append(
                ((x_p - norm.running_mean) / (norm.running_var + norm.eps).sqrt() * norm.weight + norm.bias).clamp(
                    min=0
                )
            )
    embedded = [at(module.listen.embed, state) for state in states]
    alpha = [torch.stack([x_p @ e for e in embedded]).mul(4**-0.5).softmax(0) for x_p in x]
    language = [sum(a * e for a, e in zip(a_p, embedded, strict=True)) for a_p in alpha]
    look = module.look
    keys, values = (
        pyramid(torch.stack([at(layer, x_p) for x_p in x], 1).unflatten(1, (height, width))[None])[0]
        for layer in (look.key, look.value)
    )
    f = []
    for x_p, l_p in zip(x, language, strict=True):
        seen = (keys @ at(look.query, l_p) / 3**0.5).softmax(0) @ values
        f.append(at(look.merge, torch.cat([seen, l_p])) + at(look.own, x_p))
    features = torch.stack([at(module.to_vision, f_p) for f_p in f], 1).view_as(c) + c
    back = module.to_words
    told = []
    for state in states:
        query = at(back.query, back.norm(state))
        beta = torch.stack([query @ at(back.key, x_p) for x_p in x]).mul(4**-0.5).softmax(0)
        told.append(state + at(back.output, sum(b * at(back.value, f_p) for b, f_p in zip(beta, f, strict=True))))
    return features, torch.stack(told), torch.stack(alpha).mean(0)


def test_equals_the_equations() -> None:
    module, c, states = vlmg(), draw(2, C, 3, 4), draw(2, 5, TEXT, seed=1)
    found = module(c, states, real(5, 5))
    for index in range(2):
        for ours, theirs in zip(found, literal(module, c[index], states[index]), strict=True):
            assert (ours[index] - theirs).abs().max() < 1e-6  # the map of places is float32


@pytest.mark.parametrize("fields", FIELDS)
def test_starts_as_nothing_and_learns_in_two_steps(fields: dict[str, Any]) -> None:
    module, c, states, mask = vlmg(stir=False, **fields).train(), draw(2, C, 3, 4), draw(2, 5, TEXT, seed=1), real(5, 3)
    found = module(c, states, mask)
    assert torch.equal(found.features, c) and torch.equal(found.states, states)
    optimiser = torch.optim.SGD(module.parameters(), lr=1.0)
    for _ in range(2):
        optimiser.zero_grad()
        found = module(c, states, mask)
        (
            (found.features * draw(*c.shape, seed=2)).sum() + (found.states * draw(*states.shape, seed=3)).sum()
        ).backward()
        optimiser.step()
    silent = [name for name, p in module.named_parameters() if p.grad is None or not p.grad.abs().max() > 1e-12]
    assert not silent
    found = module(c, states, mask)
    assert not torch.equal(found.features, c) and not torch.equal(found.states, states)


@pytest.mark.parametrize("fields", [*FIELDS, {"resid": "norm"}])
def test_padding_and_batches_change_nothing(fields: dict[str, Any]) -> None:
    module, c, states, mask = vlmg(**fields), draw(2, C, 3, 4), draw(2, 6, TEXT, seed=1), real(5, 3, size=6)
    whole = module(c, states, mask)
    assert torch.allclose(whole.weights.sum(-1), torch.ones(2, dtype=torch.float64))
    assert torch.equal(whole.weights[~mask], torch.zeros(4, dtype=torch.float64))
    for index, length in enumerate((5, 3)):
        alone = module(c[index : index + 1], states[index : index + 1, :length], real(length))
        assert torch.allclose(alone.features[0], whole.features[index])
        assert torch.allclose(alone.states[0], whole.states[index, :length])


def test_unit_lengths_are_no_identity() -> None:
    module, c = vlmg(resid="norm"), draw(2, C, 3, 4)
    assert module(c, draw(2, 5, TEXT, seed=1), real(5, 5)).features.norm(dim=1).max() <= 2 + 1e-9


def test_one_word_is_the_same_everywhere() -> None:
    language, weights = vlmg().listen(draw(2, 4, 3, 4), draw(2, 1, TEXT, seed=1), real(1, 1))
    assert torch.allclose(language, language[..., :1, :1].expand_as(language)) and (weights == 1).all()


def test_a_closed_word_and_softmax_before_the_mask_are_the_same() -> None:
    """EFN masks after the softmax and divides by the sum again."""
    module = stirred(WordAttention(TEXT, 4, scale=True))
    x, states, mask = draw(2, 4, 3, 4), draw(2, 5, TEXT, seed=1), real(4, 2, size=5)
    embedded = module.embed(states)
    late = (rows(x) @ embedded.transpose(1, 2) / 2).softmax(-1) * mask[:, None]
    weights = module(x, states, mask)[1]
    assert torch.allclose(weights, late / late.sum(-1, keepdim=True))
    assert torch.allclose(weights.sum(-1), torch.ones(2, 12, dtype=torch.float64))


@pytest.mark.parametrize("guidance", [PooledGuidance, DenseGuidance])
def test_a_constant_map_is_seen_as_constant(guidance: type[PooledGuidance]) -> None:
    module, constant = stirred(guidance(4, 3)), draw(2, 4, 1, 1).expand(-1, -1, 3, 5)
    seen = module.seen(constant, draw(2, 4, 3, 5, seed=1))
    assert torch.allclose(seen, seen[..., :1, :1].expand_as(seen))


def test_one_bin_of_the_maps_size_is_dense() -> None:
    pooled, dense = stirred(PooledGuidance(4, 3)), DenseGuidance(4, 3).double()
    dense.load_state_dict(pooled.state_dict())
    pooled.bins = (5,)
    x, language = draw(2, 4, 5, 5), draw(2, 4, 5, 5, seed=1)
    assert torch.allclose(pooled(x, language), dense(x, language))
    pooled.bins = (1, 3)
    assert not torch.allclose(pooled(x, language), dense(x, language))


def test_who_is_first_matters() -> None:
    c, states = draw(2, C, 3, 4), draw(2, 5, TEXT, seed=1)
    found = [vlmg(order=order)(c, states, real(5, 5)) for order in ORDERS]
    assert torch.equal(found[0].features, found[1].features)
    assert not torch.allclose(found[0].features, found[2].features)
    assert not torch.allclose(found[0].states, found[1].states)
    assert torch.equal(found[1].states, found[2].states)


@pytest.mark.parametrize("fields", [*FIELDS, {"resid": "norm"}])
def test_zeros_and_a_map_of_one_position_are_no_trouble(fields: dict[str, Any]) -> None:
    zeros = torch.zeros(2, C, 1, 1, dtype=torch.float64), torch.zeros(2, 1, TEXT, dtype=torch.float64)
    assert all(torch.isfinite(part).all() for part in vlmg(stir=False, **fields).eval()(*zeros, real(1, 1)))
