"""LMDF: filters of a position's own against loops, and the properties of part D."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from model_training.networks.vlide.config import vlide_config
from model_training.networks.vlide.filtering import NORMALISATIONS, TAPS, FilterHead, filtered
from model_training.networks.vlide.lmdf import GATHERINGS, LANGUAGES, LMDF
from tests.model_training.networks.systems import draw, real, stirred

C, TEXT = 16, 6
FIELDS: list[dict[str, Any]] = [{"st": name} for name in GATHERINGS] + [{"lguide": name} for name in LANGUAGES]
FIELDS += [{"knorm": name} for name in NORMALISATIONS] + [{"dils": (1, 2, 3)}, {"kgroups": 2}]


def lmdf(stir: bool = True, **fields: Any) -> LMDF:
    torch.manual_seed(0)
    config = vlide_config("small", vocabulary=9, text_channels=TEXT, reduced_channels=C, **({"kgroups": 4} | fields))
    module = LMDF(config)
    return stirred(module) if stir else module.double()


def inputs(references: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    return draw(2, C, 4, 5), draw(2, references, C, 4, 5, seed=1), draw(2, 5, TEXT, seed=2)


def one_tap(tap: int) -> Tensor:
    """(1, 3, 9, 6, 7) filters that take that tap alone."""
    filters = torch.zeros(1, 3, TAPS, 6, 7, dtype=torch.float64)
    filters[:, :, tap] = 1
    return filters


@pytest.mark.parametrize("dilation", [1, 3, 5])
@pytest.mark.parametrize("groups", [4, 2])
def test_filters_as_a_loop_does(dilation: int, groups: int) -> None:
    x, filters = draw(2, 4, 6, 7), draw(2, groups, TAPS, 6, 7, seed=1)
    wanted = torch.zeros_like(x)
    for b, c, i, j in ((b, c, i, j) for b in range(2) for c in range(4) for i in range(6) for j in range(7)):
        for tap in range(TAPS):
            y, x_ = i + dilation * (tap // 3 - 1), j + dilation * (tap % 3 - 1)
            if 0 <= y < 6 and 0 <= x_ < 7:
                wanted[b, c, i, j] += filters[b, c * groups // 4, tap, i, j] * x[b, c, y, x_]
    assert torch.allclose(filtered(x, filters, dilation), wanted)


@pytest.mark.parametrize("dilation", [1, 3, 5])
def test_the_centre_alone_is_the_identity_and_a_tap_alone_a_shift(dilation: int) -> None:
    x = draw(1, 3, 6, 7)
    assert torch.equal(filtered(x, one_tap(4), dilation), x)
    for tap in range(TAPS):
        down, right = dilation * (tap // 3 - 1), dilation * (tap % 3 - 1)
        wanted = F.pad(x, (5, 5, 5, 5))[..., 5 + down : 11 + down, 5 + right : 12 + right]
        assert torch.equal(filtered(x, one_tap(tap), dilation), wanted)


@pytest.mark.parametrize("dilation", [1, 3, 5])
def test_one_filter_for_all_positions_is_a_depthwise_convolution(dilation: int) -> None:
    x, weight = draw(2, 4, 6, 7), draw(4, TAPS, seed=1)
    filters = weight[None, :, :, None, None].expand(2, -1, -1, 6, 7)
    wanted = F.conv2d(x, weight.view(4, 1, 3, 3), padding=dilation, dilation=dilation, groups=4)
    assert torch.allclose(filtered(x, filters, dilation), wanted)


def test_is_linear_and_a_change_moves_its_own_taps_alone() -> None:
    x, other, filters = draw(1, 3, 13, 15), draw(1, 3, 13, 15, seed=1), draw(1, 3, TAPS, 13, 15, seed=2)
    both = filtered(2 * x - 3 * other, filters, 5)
    assert torch.allclose(both, 2 * filtered(x, filters, 5) - 3 * filtered(other, filters, 5))
    changed = x.clone()
    changed[..., 6, 7] += 1
    moved = (filtered(changed, filters, 5) != filtered(x, filters, 5)).any(1)[0].nonzero().tolist()
    assert moved == [[6 + i, 7 + j] for i in (-5, 0, 5) for j in (-5, 0, 5)]


def test_filters_as_means_sum_to_one_and_delta_starts_as_the_identity() -> None:
    z = draw(2, C, 4, 5)
    means = stirred(FilterHead(C, 4, "softmax9"))(z)
    assert torch.allclose(means.sum(2), torch.ones(2, 4, 4, 5, dtype=torch.float64)) and means.min() > 0
    delta = FilterHead(C, 4, "delta").double().eval()(z)
    assert torch.equal(filtered(draw(2, 4, 4, 5, seed=1), delta, 3), draw(2, 4, 4, 5, seed=1))


def literal(module: LMDF, target: Tensor, references: Tensor, states: Tensor) -> Tensor:
    """B3's default, its five steps in a row, with the pooling and the convolutions of the framework."""
    bins = [F.adaptive_avg_pool2d(references.flatten(0, 1), count).flatten(2) for count in (1, 3, 6, 8)]
    cells = torch.cat(bins, -1).unflatten(0, references.shape[:2]).permute(0, 1, 3, 2).flatten(1, 2)
    assert cells.shape[1] == 110 * references.shape[1]
    gather, guide = module.gather, module.guide
    query = gather.query(target)
    logits = torch.einsum("bchw,bkc->bhwk", query, gather.key(cells)) / query.shape[1] ** 0.5
    attended = torch.einsum("bhwk,bkc->bchw", logits.softmax(-1), gather.value(cells))
    g = gather.merge(torch.cat([target, attended], 1))
    embedded = guide.listen.embed(states)
    alpha = (torch.einsum("bchw,bnc->bhwn", g, embedded) / C**0.5).softmax(-1)
    z = guide.merge(torch.cat([g, torch.einsum("bhwn,bnc->bchw", alpha, embedded)], 1))
    x = module.narrow(target)
    parts = [x]
    for dilation, head, after in zip((1, 3, 5), module.filters, module.after, strict=True):
        dense = head.dense
        first = head.first(z)
        seen = [dense.down(first)]
        for layer in dense.layers:
            seen.append(layer(torch.cat(seen, 1)))
        kernels = head.last(dense.merge(torch.cat([first, seen[-1]], 1))).unflatten(1, (-1, TAPS))
        taps = F.unfold(x, 3, dilation, dilation).view(x.shape[0], -1, TAPS, *x.shape[-2:])
        parts.append(after((kernels * taps).sum(2)))
    return target + module.output(module.merge(torch.cat(parts, 1)))


def test_equals_the_equations() -> None:
    module, given = lmdf(), inputs()
    assert torch.allclose(module(*given, real(5, 5)), literal(module, *given))


@pytest.mark.parametrize("fields", FIELDS)
def test_starts_as_nothing_and_learns_in_two_steps(fields: dict[str, Any]) -> None:
    module, given, mask = lmdf(stir=False, **fields).train(), inputs(), real(5, 3)
    assert torch.equal(module(*given, mask), given[0])
    optimiser = torch.optim.SGD(module.parameters(), lr=1.0)
    for _ in range(3):  # `delta` has a second zero behind the first
        optimiser.zero_grad()
        (module(*given, mask) * draw(*given[0].shape, seed=3)).sum().backward()
        optimiser.step()
    silent = [name for name, p in module.named_parameters() if p.grad is None or not p.grad.abs().max() > 1e-12]
    assert not silent and not torch.equal(module(*given, mask), given[0])


@pytest.mark.parametrize("fields", FIELDS)
def test_the_order_of_references_padding_and_batches_are_nothing(fields: dict[str, Any]) -> None:
    module, (target, references, states), mask = lmdf(**fields), inputs(3), real(4, 2, size=5)
    whole = module(target, references, states, mask)
    assert torch.allclose(module(target, references[:, [2, 0, 1]], states, mask), whole)
    for index, length in enumerate((4, 2)):
        at = slice(index, index + 1)
        alone = module(target[at], references[at], states[at, :length], real(length))
        assert torch.allclose(alone[0], whole[index])


@pytest.mark.parametrize("st", GATHERINGS)
def test_no_references_and_copies_of_the_target_run(st: str) -> None:
    module, (target, _, states), mask = lmdf(st=st), inputs(), real(5, 5)
    none = module(target, target[:, None][:, :0], states, mask)
    copies = module(target, target[:, None].expand(-1, 3, -1, -1, -1), states, mask)
    assert torch.isfinite(none).all() and torch.isfinite(copies).all()
    assert torch.allclose(none, copies) == (st == "none")


@pytest.mark.parametrize("lguide", LANGUAGES)
def test_another_query_makes_other_filters(lguide: str) -> None:
    module, (target, references, states) = lmdf(lguide=lguide), inputs()
    g = module.gather(target, references)
    one, other = (module.guide(g, words, real(5, 5)) for words in (states, states.flip(2)))
    assert len(module.filters) == 3
    for filters in module.filters:
        assert (filters(one) - filters(other)).abs().max() > 1e-3


@pytest.mark.parametrize("fields", FIELDS)
def test_zeros_and_a_map_of_one_position_are_no_trouble(fields: dict[str, Any]) -> None:
    zeros = torch.zeros(2, C, 1, 1).double(), torch.zeros(2, 2, C, 1, 1).double(), torch.zeros(2, 1, TEXT).double()
    assert torch.isfinite(lmdf(**fields)(*zeros, real(1, 1))).all()


def test_groups_must_divide_the_channels() -> None:
    with pytest.raises(ValueError, match="kgroups is 3; it must divide the 4 channels"):
        lmdf(kgroups=3)
