"""The loss of several heads."""

from __future__ import annotations

import pytest
import torch

from model_training.configs.head_weights import CSTM, EFN, LBDT, HeadWeights
from model_training.learning.head_losses import edges, head_loss
from model_training.networks.base import Answer

SIZES = (2, 4, 8)
EVERY = torch.ones(())
"""Every pixel counts."""


def answer(masks: torch.Tensor, sure: float, with_edges: bool = False) -> Answer:
    """One that is as sure of the truth on every head; the masks are made of blocks of 8 pixels."""
    whole = sure * (2 * masks - 1)
    coarse = tuple(torch.nn.functional.adaptive_avg_pool2d(whole, size) for size in SIZES)
    outline = (sure * (2 * edges(masks) - 1),) if with_edges else ()
    return Answer(whole, torch.zeros(masks.shape[:2]), torch.ones(*masks.shape[:2], 1, 1), coarse, outline)


def blocks() -> torch.Tensor:
    masks = torch.zeros(1, 2, 16, 16)
    masks[0, 0, :8, 8:] = 1
    return masks


@pytest.mark.parametrize("weights", [CSTM, LBDT, EFN])
def test_a_sure_truth_costs_nothing(weights: HeadWeights) -> None:
    masks = blocks()
    good = head_loss(answer(masks, 60, with_edges=True), masks, EVERY, weights)
    assert 0 <= good < 1e-5
    assert head_loss(answer(1 - masks, 60, with_edges=True), masks, EVERY, weights) > 1


@pytest.mark.parametrize("weights", [CSTM, LBDT, EFN])
def test_parts_of_a_batch_have_the_loss_of_the_whole_as_their_mean(weights: HeadWeights) -> None:
    """Where one part has more expressions with a target than the other."""
    torch.manual_seed(0)
    masks = torch.zeros(2, 3, 16, 16)
    masks[0, :, :8, 8:] = masks[1, 0, 4:, 4:] = 1
    whole = answer(torch.rand(masks.shape), 3.0, with_edges=True)
    parts = [
        Answer(*(part[row] for part in whole[:3]), *(tuple(head[row] for head in heads) for heads in whole[3:]))
        for row in (slice(0, 1), slice(1, 2))
    ]
    judged = torch.rand(masks.shape)
    pixels, count = judged.sum() / 2, torch.tensor(4 / 2)
    shares = [head_loss(part, masks[[row]], judged[[row]], weights, pixels, count) for row, part in enumerate(parts)]
    assert torch.allclose(sum(shares) / 2, head_loss(whole, masks, judged, weights))


@pytest.mark.parametrize("weights", [CSTM, LBDT, EFN])
def test_what_is_not_judged_teaches_no_head_anything(weights: HeadWeights) -> None:
    torch.manual_seed(0)
    masks, judged = blocks(), torch.ones(1, 2, 16, 16)
    judged[..., 8:, :8] = 0
    drawn = answer(torch.rand(masks.shape), 1.0, with_edges=True)
    heads = [drawn.logits, *drawn.coarse, *drawn.edges]
    leaves = [head.clone().requires_grad_() for head in heads]
    whole = Answer(leaves[0], *drawn[1:3], tuple(leaves[1 : 1 + len(SIZES)]), tuple(leaves[1 + len(SIZES) :]))
    head_loss(whole, masks, judged, weights).backward()
    for leaf in leaves:
        if leaf.grad is not None:
            half = leaf.shape[-1] // 2
            assert not leaf.grad[..., half:, :half].any() and leaf.grad[..., :half, :].all()


def test_an_empty_mask_is_finite() -> None:
    empty = torch.zeros(1, 1, 16, 16)
    drawn = answer(torch.rand(1, 1, 16, 16), 3.0)
    assert torch.isfinite(head_loss(drawn, empty, EVERY, LBDT))


def test_heads_count_by_their_weights() -> None:
    masks = blocks()
    of_final = head_loss(answer(masks, 1.0), masks, EVERY, HeadWeights(coarse=0.0))
    whole = head_loss(answer(masks, 1.0), masks, EVERY, HeadWeights())
    tenth = head_loss(answer(masks, 1.0), masks, EVERY, HeadWeights(coarse=0.1))
    assert torch.allclose(whole - of_final, 10 * (tenth - of_final))
    assert torch.allclose(head_loss(answer(masks, 1.0), masks, EVERY, HeadWeights(final=2.0)), whole + of_final)


def test_the_target_counts_more_by_hand() -> None:
    masks = torch.tensor([[[[1.0, 0.0]]]])
    flat = Answer(torch.zeros(1, 1, 1, 2), torch.zeros(1, 1), torch.ones(1, 1, 1, 1))
    assert torch.allclose(head_loss(flat, masks, EVERY, CSTM), torch.tensor(2.5 * 0.6931472 / 2))


def test_edges_lie_on_both_sides_of_the_boundary() -> None:
    masks = torch.zeros(1, 1, 9, 9)
    masks[..., 5:] = 1
    assert edges(masks)[0, 0, 4].tolist() == [0, 0, 0, 1, 1, 1, 1, 0, 0]
    assert edges(torch.ones(1, 1, 9, 9)).sum() == 0
