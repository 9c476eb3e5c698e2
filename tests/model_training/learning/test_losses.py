"""The terms of the loss, against Eq. 8 and by hand."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from model_training.learning import losses
from tests.model_training import literal
from tests.model_training.comparing import check_equal, draw

LN2 = math.log(2)
ALL = torch.ones(())
"""Every pixel is judged."""


def test_mask_loss_is_equation_8() -> None:
    logits = draw(2, 3, 4, 5)
    masks = (draw(2, 3, 4, 5, seed=1) > 0).double()
    check_equal(
        lambda: [losses.mask_loss(logits, masks, ALL)],
        lambda: [literal.cross_entropy(1 / (1 + (-logits).exp()), masks)],
        [logits],
    )


def test_mask_loss_of_wild_logits_is_finite() -> None:
    logits = torch.tensor([[1e4, -1e4]], requires_grad=True)
    loss = losses.mask_loss(logits, torch.tensor([[0.0, 1.0]]), ALL)
    loss.backward()
    assert loss == 1e4 and logits.grad is not None and torch.isfinite(logits.grad).all()


def test_dice_counts_expressions_with_a_target_only() -> None:
    masks = torch.zeros(1, 3, 2, 2)
    masks[0, 0] = 1.0
    masks[0, 1, 0, 0] = 1.0
    perfect = torch.where(masks > 0, 50.0, -50.0)
    present = torch.tensor([[1.0, 1.0, 0.0]])
    assert losses.dice_loss(perfect, masks, present, ALL) == pytest.approx(0)
    assert losses.dice_loss(-perfect, masks, present, ALL) == pytest.approx(((1 - 1 / 5) + (1 - 1 / 5)) / 2)
    assert losses.dice_loss(-perfect, masks, torch.zeros(1, 3), ALL) == 0


def test_presence_loss_by_hand() -> None:
    assert losses.presence_loss(torch.zeros(2, 2), torch.tensor([[0.0, 1.0], [1.0, 1.0]])) == pytest.approx(LN2)


def test_reference_loss_is_the_mean_over_levels() -> None:
    share = torch.zeros(1, 1, 3, 2, 2)
    share[0, 0, 0, 0, 0] = 1.0
    things = torch.ones(1, 2, 2)
    flat = torch.zeros_like(share)
    one = losses.reference_loss([flat], [share], [ALL], [things])
    # Only the candidates have a share: 2 * 0.5 + 1 over 2 + 1 + 1.
    assert one == pytest.approx(LN2 + 0.5 * (1 - 2 / 4))
    perfect = torch.where(share > 0, 50.0, -50.0)
    two = losses.reference_loss([flat, perfect], [share, share], [ALL, ALL], [things, things])
    assert two == pytest.approx(float(one) / 2, abs=1e-6)


def test_the_bare_table_counts_a_tenth_in_the_reference_loss() -> None:
    share, logits = torch.zeros(1, 1, 3, 1, 2), torch.zeros(1, 1, 3, 1, 2)
    logits[..., 1] = 5.0  # wrong on the second cell
    wrong = math.log(1 + math.exp(5.0))
    on_things, on_table = torch.tensor([[[0.0, 1.0]]]), torch.tensor([[[1.0, 0.0]]])
    assert losses.reference_loss([logits], [share], [ALL], [on_things]) == pytest.approx((0.1 * LN2 + wrong) / 1.1)
    assert losses.reference_loss([logits], [share], [ALL], [on_table]) == pytest.approx((LN2 + 0.1 * wrong) / 1.1)


def test_motion_loss_counts_what_is_known() -> None:
    share = torch.zeros(1, 2, 3, 1, 1)
    share[0, 0, 0], share[0, 1, 1] = 1.0, 1.0  # the first is so, the second is not, of the third nothing is known
    logits = torch.tensor([2.0, 3.0, 50.0]).view(1, 3, 1, 1)
    expected = (math.log(1 + math.exp(-2.0)) + math.log(1 + math.exp(3.0))) / 2
    assert losses.motion_loss([logits], [share]) == pytest.approx(expected)
    assert losses.motion_loss([logits, logits], [share, torch.zeros_like(share)]) == pytest.approx(expected / 2)


def test_dense_loss_by_hand() -> None:
    classes, colours = 2, 3
    never = torch.zeros(colours, classes)
    share = torch.zeros(1, 1 + classes + colours, 1, 2)
    share[0, 0, 0, 0] = 1.0  # background
    share[0, [2, 4], 0, 1] = 1.0  # a thing of the second class and the second colour
    flat = torch.zeros_like(share)
    # ln 3 for each class decision, ln 3 for the one colour.
    assert losses.dense_loss([flat], [share], never) == pytest.approx(2 * math.log(3))
    right = 50 * share
    assert losses.dense_loss([right, flat], [share, share], never) == pytest.approx(math.log(3), abs=1e-6)


def test_what_is_not_judged_does_not_count() -> None:
    logits, masks = torch.tensor([[[[3.0, -2.0]]]]), torch.tensor([[[[1.0, 1.0]]]])
    judged = torch.tensor([[[[1.0, 0.0]]]])
    assert losses.mask_loss(logits, masks, judged) == pytest.approx(math.log(1 + math.exp(-3.0)))
    wrong = torch.tensor([[[[50.0, 50.0]]]])
    there = torch.tensor([[[[1.0, 0.0]]]])
    assert losses.dice_loss(wrong, there, torch.ones(1, 1), judged) == pytest.approx(0)


def test_a_pair_that_never_occurs_is_no_evidence() -> None:
    classes, colours = 2, 3
    share = torch.zeros(1, 1 + classes + colours, 1, 1)
    share[0, [2, 4]] = 1.0  # the second class in the second colour
    never = torch.zeros(colours, classes)
    never[1, 0] = 1.0  # the first class never has the second colour
    logits = torch.zeros_like(share).requires_grad_()
    loss = losses.dense_loss([logits], [share], never)
    assert float(loss.detach()) == pytest.approx(math.log(2) + math.log(3))  # background or second class; any colour
    loss.backward()
    assert logits.grad is not None and logits.grad[0, 1, 0, 0] == 0 and logits.grad[0, 2, 0, 0] < 0


def test_logits_are_brought_to_the_size_of_the_masks() -> None:
    logits = torch.randn(2, 3, 4, 5)
    assert losses.at_size(logits, (4, 5)) is logits
    assert torch.equal(losses.at_size(logits, (8, 10)), F.interpolate(logits, (8, 10), mode="bilinear"))
