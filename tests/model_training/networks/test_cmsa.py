"""Cross-modal self-attention: both forms against Eq. 1-5 as written, and what must not change its result."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from model_training.networks.cmsa import attention as attention_module
from model_training.networks.cmsa.attention import CrossModalSelfAttention, paired_attention, pooled_attention
from tests.model_training import literal
from tests.model_training.comparing import VALUES, asked, check_equal, draw, randomise

POSITIONS, WORDS = 6, 5
SPATIAL, LANGUAGE, CHANNELS = 7 + 8, 4, 3
FORMS = pytest.mark.parametrize("pooled", [False, True], ids=["paired", "pooled"])


def attention(pooled: bool, gain: float = 1.0) -> CrossModalSelfAttention:
    module = CrossModalSelfAttention(SPATIAL, LANGUAGE, CHANNELS, cosine=pooled, pooled=pooled, gain=gain)
    assert isinstance(randomise(module), CrossModalSelfAttention)
    return module


def everything(words: int) -> Tensor:
    return torch.ones(words, dtype=torch.bool)


@FORMS
@pytest.mark.parametrize("words", [1, 2, WORDS])
@pytest.mark.parametrize("gain", [1.0, 3.0])
def test_equals_the_materialised_equations(pooled: bool, words: int, gain: float) -> None:
    module = attention(pooled, gain)
    x, e = draw(POSITIONS, SPATIAL), draw(words, LANGUAGE, seed=1)

    def theirs() -> list[Tensor]:
        attended = literal.cross_modal(module, x, e)
        return [attended.pooled, attended.words]

    check_equal(lambda: asked(module, x, e, everything(words))[:2], theirs, [x, e, *module.parameters()])


@FORMS
def test_padded_words_change_nothing(pooled: bool) -> None:
    module = attention(pooled)
    x, e = draw(POSITIONS, SPATIAL), draw(WORDS, LANGUAGE, seed=1)
    padding = draw(3, LANGUAGE, seed=2)
    mask = torch.cat([everything(WORDS), ~everything(3)])

    def padded() -> list[Tensor]:
        pooled, words, _ = asked(module, x, torch.cat([e, padding]), mask)
        assert (words[WORDS:] == 0).all()
        return [pooled, words[:WORDS]]

    check_equal(padded, lambda: asked(module, x, e, everything(WORDS))[:2], [x, e, padding, *module.parameters()])


@FORMS
def test_batches_and_expressions_are_independent(pooled: bool) -> None:
    module = attention(pooled)
    x, e = draw(2, 1, POSITIONS, SPATIAL), draw(2, 3, WORDS, LANGUAGE, seed=1)
    mask = torch.arange(WORDS) < torch.tensor([[5, 3, 1], [2, 4, 5]])[..., None]
    together, words, _ = asked(module, x, e, mask)
    assert together.shape == (2, 3, POSITIONS, SPATIAL + LANGUAGE)
    for b in range(2):
        for i in range(3):
            alone = literal.cross_modal(module, x[b, 0], e[b, i][mask[b, i]])
            assert (together[b, i] - alone.pooled).abs().max() < VALUES
            assert (words[b, i][mask[b, i]] - alone.words).abs().max() < VALUES


@FORMS
def test_positions_carry_no_order_of_their_own(pooled: bool) -> None:
    module = attention(pooled)
    x, e = draw(POSITIONS, SPATIAL), draw(WORDS, LANGUAGE, seed=1)
    order = torch.randperm(POSITIONS)
    plain, words, _ = asked(module, x, e, everything(WORDS))
    mixed, mixed_words, _ = asked(module, x[order], e, everything(WORDS))
    assert (plain[order] - mixed).abs().max() < VALUES and (words - mixed_words).abs().max() < VALUES


@pytest.mark.parametrize("rows", [1, 4, POSITIONS], ids=["single", "uneven", "whole"])
def test_both_forms_of_the_spatial_attention_agree(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention_module, "BLOCK", rows * POSITIONS)
    a, c, e = (draw(2, POSITIONS, CHANNELS, seed=i) for i in range(3))
    d = draw(2, WORDS, CHANNELS, seed=3)
    weights = draw(2, WORDS, seed=4)
    check_equal(
        lambda: [pooled_attention(a, c, d, e, weights.softmax(-1))],
        lambda: [paired_attention(a, c, d, e, weights.softmax(-1))],
        [a, c, d, e, weights],
    )


def test_the_bounded_form_stays_finite_at_its_largest_scale() -> None:
    module = CrossModalSelfAttention(SPATIAL, LANGUAGE, CHANNELS, cosine=True, pooled=True)
    assert module.scale is not None
    with torch.no_grad():
        module.scale.fill_(1e6)  # is pooled by MAX_SCALE
        module.from_spatial.weight.mul_(1e3)
    x = draw(400, SPATIAL).float().detach().requires_grad_()
    pooled, words, _ = asked(module, x, draw(WORDS, LANGUAGE, seed=1).float(), everything(WORDS))
    (pooled.sum() + words.pow(2).sum()).backward()
    assert torch.isfinite(pooled).all() and torch.isfinite(words).all()
    assert all(torch.isfinite(p.grad).all() for p in [x, *module.parameters()] if p.grad is not None)


def test_the_paired_form_stays_finite_for_huge_logits() -> None:
    module = CrossModalSelfAttention(SPATIAL, LANGUAGE, CHANNELS)
    with torch.no_grad():
        module.from_spatial.weight.mul_(1e3)
    pooled, words, _ = asked(module, draw(50, SPATIAL).float(), draw(WORDS, LANGUAGE).float(), everything(WORDS))
    assert torch.isfinite(pooled).all() and torch.isfinite(words).all()


@FORMS
def test_word_attention_is_the_attention_received(pooled: bool) -> None:
    module = attention(pooled)
    x, e = draw(POSITIONS, SPATIAL), draw(WORDS, LANGUAGE, seed=1)
    words = asked(module, x, e, everything(WORDS))[1]
    received = literal.cross_modal(module, x, e).scores.sum((0, 1, 2)) / POSITIONS
    assert torch.isclose(received.sum(), torch.tensor(float(WORDS), dtype=torch.float64))
    assert (words - received.softmax(0)).abs().max() < VALUES
    assert torch.isclose(words.sum(), torch.tensor(1.0, dtype=torch.float64))
    assert words.max() > 1.1 * words.min()


def test_equation_4_read_literally_gives_every_word_the_same() -> None:
    """Each row (p, n) of the scores sums to one over its keys, so the sum over p, p' and n' is P for every word n."""
    scores = literal.cross_modal(attention(False), draw(POSITIONS, SPATIAL), draw(WORDS, LANGUAGE, seed=1)).scores
    read_literally = scores.sum((0, 2, 3))
    assert torch.allclose(read_literally, torch.full((WORDS,), float(POSITIONS), dtype=torch.float64))
    assert torch.allclose(read_literally.softmax(0), torch.full((WORDS,), 1 / WORDS, dtype=torch.float64))
