"""CMAM: against its equations with the sum over positions written out, and the properties of part D."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from model_training.networks.lastc.cmam import CMAM, SCALES
from model_training.networks.lastc.config import LastcConfig
from model_training.networks.layers.positions import beside_positions
from tests.model_training.networks.systems import draw, real, stirred

CONFIG = {"vocabulary": 9, "text_channels": 6}


def cmam(dims: int = 2, channels: int = 4, stir: bool = True, **fields: Any) -> CMAM:
    torch.manual_seed(0)
    module = CMAM(channels, dims, LastcConfig(**(CONFIG | fields)))
    return stirred(module, spread=0.3) if stir else module.double()


def stage(dims: int, batch: int = 2, seed: int = 0, size: int = 3) -> Tensor:
    return draw(batch, 4, *([2] if dims == 3 else []), size, size + 1, seed=seed)


def literal(module: CMAM, v: Tensor, words: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A3 for one sample without padding: U and K position by position, s as a sum over them."""
    times, (height, width) = (v.shape[1] if v.ndim == 4 else 1), v.shape[-2:]
    at = v if v.ndim == 4 else v[:, None]
    placed = torch.zeros(v.shape[0] + 8, times + 2, height + 2, width + 2, dtype=v.dtype)
    for y in range(height):
        for x in range(width):
            x0, y0 = 2 * x / width - 1, 2 * y / height - 1
            x1, y1 = 2 * (x + 1) / width - 1, 2 * (y + 1) / height - 1
            place = [x0, y0, x1, y1, (x0 + x1) / 2, (y0 + y1) / 2, 1 / width, 1 / height]
            placed[-8:, 1:-1, y + 1, x + 1] = torch.tensor(place, dtype=v.dtype)[:, None]
    placed[:-8, 1:-1, 1:-1, 1:-1] = at
    convolution, norm, _ = module.merge
    weight = convolution.weight if v.ndim == 4 else convolution.weight[:, :, None]
    depth = weight.shape[2]
    u = torch.zeros_like(at)
    for t in range(times):
        for y in range(height):
            for x in range(width):
                start = t if depth == 3 else t + 1
                window = placed[:, start : start + depth, y : y + 3, x : x + 3]
                u[:, t, y, x] = (weight * window[None]).sum((1, 2, 3, 4))
    bn = lambda x, norm: (x - norm.running_mean) / (norm.running_var + norm.eps).sqrt() * norm.weight + norm.bias  # noqa: E731
    u = bn(u.flatten(1).T, norm).T.view_as(at).clamp(min=0)
    weight = module.key[0].weight.flatten(1)
    keys = [bn(weight @ u_p, module.key[1]) for u_p in u.flatten(1).T]
    queries = [module.query.norm(module.query.linear(word)) for word in words]
    s = torch.stack([sum(q @ k for k in keys) for q in queries])
    alpha = (s / s.norm()).softmax(0)
    context = sum(a * word for a, word in zip(alpha, words, strict=True))
    gamma = (module.gate.weight @ context + module.gate.bias).sigmoid()[:, None, None, None]
    changed = at + u * (gamma - 0.5)
    return (changed if v.ndim == 4 else changed[:, 0]), alpha, context


@pytest.mark.parametrize("dims", [2, 3])
def test_equals_the_equations(dims: int) -> None:
    module, v, words = cmam(dims), stage(dims), draw(2, 5, 6, seed=1)
    found = module(v, words, real(5, 5))
    for index in range(2):
        for ours, theirs in zip(found, literal(module, v[index], words[index]), strict=True):
            assert (ours[index] - theirs).abs().max() < 1e-6  # the map of places is float32


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("dims", [2, 3])
def test_padding_and_batches_change_nothing(dims: int, scale: str) -> None:
    module, v, words = cmam(dims, attn_scale=scale), stage(dims), draw(2, 6, 6, seed=1)
    mask = real(4, 2, size=6)
    whole = module(v, words, mask)
    assert torch.equal(whole.weights[~mask], torch.zeros(6, dtype=torch.float64))
    assert torch.allclose(whole.weights.sum(-1), torch.ones(2, dtype=torch.float64))
    for index, length in enumerate((4, 2)):
        alone = module(v[index : index + 1], words[index : index + 1, :length], real(length))
        assert torch.allclose(alone.features[0], whole.features[index])
        assert torch.allclose(alone.weights[0], whole.weights[index, :length])


UNFELT = {"query.norm.bias"}
"""With `mean` it adds the same to the score of every word, and the softmax over them cancels it."""
LEARNED = [{}, {"cmam_conv": "bottleneck4"}, {"cmam_conv": "dw"}, {"q_norm": "bn"}]
LEARNED += [{"attn_scale": name} for name in SCALES]


@pytest.mark.parametrize("fields", LEARNED)
@pytest.mark.parametrize("dims", [2, 3])
def test_starts_as_nothing_and_learns_in_two_steps(dims: int, fields: dict[str, str]) -> None:
    module, words, mask = cmam(dims, stir=False, **fields).train(), draw(2, 5, 6, seed=1), real(5, 3)
    v = stage(dims)
    assert torch.equal(module(v, words, mask).features, v)
    optimiser = torch.optim.SGD(module.parameters(), lr=1.0)
    for step in range(2):
        optimiser.zero_grad()
        (module(v, words, mask).features * draw(*v.shape, seed=2)).sum().backward()
        reached = {name for name, p in module.named_parameters() if p.grad is not None and p.grad.abs().max() > 1e-12}
        assert step or reached == {"gate.weight", "gate.bias"}
        optimiser.step()
    unfelt = UNFELT if fields.get("attn_scale") == "mean" else set()
    assert reached == {name for name, _ in module.named_parameters()} - unfelt
    assert not torch.equal(module(v, words, mask).features, v)


def test_without_the_zero_start_the_whole_branch_is_added() -> None:
    module, v, words = cmam(zero_init=False), stage(2), draw(2, 3, 6, seed=1)
    found = module(v, words, real(3, 3))
    other = cmam(zero_init=True)
    other.load_state_dict(module.state_dict())
    half = other(v, words, real(3, 3)).features
    u = 2 * (found.features - half)  # U gamma - U (gamma - 0.5)
    assert u.min() >= -1e-9 and u.max() > 0.1


@pytest.mark.parametrize("dims", [2, 3])
def test_one_word_is_its_own_context(dims: int) -> None:
    module, words = cmam(dims), draw(2, 1, 6, seed=1)
    assert torch.equal(module(stage(dims), words, real(1, 1)).context, words[:, 0])


@pytest.mark.parametrize("scale", SCALES)
def test_the_order_of_words_is_nothing_to_the_feature(scale: str) -> None:
    module, v, words, order = cmam(attn_scale=scale), stage(2), draw(2, 5, 6, seed=1), [3, 0, 4, 1, 2]
    one, other = module(v, words, real(5, 5)), module(v, words[:, order], real(5, 5))
    assert torch.allclose(one.weights[:, order], other.weights) and torch.allclose(one.features, other.features)


@pytest.mark.parametrize(("count", "wanted"), [(20, 0.128), (8, 0.294), (5, 0.433)])
def test_literal_attention_is_nearly_flat(count: int, wanted: float) -> None:
    """The bound of A3: even where one word has all of the score, and the others push away."""
    bound = 1 / (1 + (count - 1) * math.exp(-math.sqrt(count / (count - 1))))
    assert abs(bound - wanted) < 1e-3
    module = cmam()
    key = torch.ones(1, 6, 2, 2, dtype=torch.float64)
    query = -torch.ones(1, count, 6, dtype=torch.float64)
    query[0, 0] = count - 1.0
    highest = module.weights(query, key, real(count))[0, 0]
    assert highest <= bound + 1e-12 and highest > bound - 1e-9
    drawn = module.weights(draw(50, count, 6), draw(50, 6, 2, 2, seed=1), real(*[count] * 50))
    assert drawn.max() <= bound


def test_a_learned_scale_selects_and_is_clamped() -> None:
    module = cmam(attn_scale="l2_learned", stir=False)
    assert abs(float(module.log_scale.detach().exp()) - 4) < 1e-6
    query, key = draw(1, 5, 6), draw(1, 6, 2, 2, seed=1)
    literal_weights = cmam(stir=False).weights(query, key, real(5))
    assert module.weights(query, key, real(5)).max() > literal_weights.max()
    with torch.no_grad():
        module.log_scale.fill_(math.log(8.0))
        at_most = module.weights(query, key, real(5))
        module.log_scale.fill_(5.0)
    assert torch.allclose(module.weights(query, key, real(5)), at_most)


@pytest.mark.parametrize("factor", [1e-3, 7.0, 1e4])
def test_the_size_of_keys_is_nothing_to_the_weights(factor: float) -> None:
    module, query, key = cmam(), draw(1, 5, 6), draw(1, 6, 2, 2, seed=1)
    assert (module.weights(query, key, real(5)) - module.weights(query, factor * key, real(5))).abs().max() < 1e-5


@pytest.mark.parametrize("scale", SCALES)
def test_no_score_at_all_leaves_the_real_words_equal(scale: str) -> None:
    query, key = draw(1, 5, 6).requires_grad_(), torch.zeros(1, 6, 2, 2, dtype=torch.float64, requires_grad=True)
    weights = cmam(attn_scale=scale).weights(query, key, real(3, size=5))
    assert torch.allclose(weights[0], torch.tensor([1, 1, 1, 0, 0], dtype=torch.float64) / 3)
    weights.square().sum().backward()
    assert torch.isfinite(query.grad).all() and torch.isfinite(key.grad).all()


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("channels", "side"), [(128, 96), (512, 160)])
def test_sixteen_bits_hold_the_scores_of_a_large_map(channels: int, side: int, scale: str) -> None:
    """Of the published size too, where a sum over all positions and channels is beyond 65504."""
    module = CMAM(4, 2, LastcConfig(vocabulary=9, text_channels=channels, attn_scale=scale))
    query = torch.nn.functional.layer_norm(draw(1, 20, channels).float(), (channels,))
    key = (draw(1, channels, 1, 1, seed=1) + draw(1, channels, side, side, seed=2)).float()
    whole = module.weights(query, key, real(20))
    half = module.half().weights(query.half(), key.half(), real(20))
    assert (half.float() - whole).abs().max() < 4e-3 * whole.max() and whole.max() > 1.2 * whole.min()


def test_the_feature_moves_by_half_of_the_branch_at_most() -> None:
    module, v, words = cmam(), stage(2), draw(2, 3, 6, seed=1)
    u = module.merge(beside_positions(v))
    assert ((module(v, words, real(3, 3)).features - v).abs() <= u / 2 + 1e-12).all()


@pytest.mark.parametrize("dims", [2, 3])
def test_zeros_on_a_map_of_one_position_are_no_trouble(dims: int) -> None:
    module = cmam(dims, stir=False).eval()
    v = torch.zeros(1, 4, *([1] if dims == 3 else []), 1, 1, dtype=torch.float64)
    found = module(v, torch.zeros(1, 1, 6, dtype=torch.float64), real(1))
    assert all(torch.isfinite(part).all() for part in found)
