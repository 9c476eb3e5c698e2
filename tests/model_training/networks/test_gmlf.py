"""Gated multi-level fusion: Eq. 6 as written."""

from __future__ import annotations

import pytest
import torch

from model_training.networks.cmsa.gmlf import GatedMultiLevelFusion
from tests.model_training import literal
from tests.model_training.comparing import check_equal, draw, randomise


@pytest.mark.parametrize("count", [1, 2, 3])
def test_equals_the_equation(count: int) -> None:
    module = GatedMultiLevelFusion(4, count)
    randomise(module)
    levels = [draw(2, 4, 3, 5, seed=i) for i in range(count)]
    check_equal(
        lambda: [module(levels)],
        lambda: [torch.stack([literal.gated_fusion(module, [x[b] for x in levels]) for b in range(2)])],
        [*levels, *module.parameters()],
    )


def test_a_closed_reset_gate_lets_a_level_through_as_it_is() -> None:
    module = GatedMultiLevelFusion(4, 2)
    with torch.no_grad():
        for gate in module.gates:
            gate.weight.zero_()
            gate.bias.copy_(torch.tensor([0.0, -100.0]))
    levels = [draw(1, 4, 2, 2, seed=i).float() for i in range(2)]
    assert torch.allclose(module(levels), levels[0] + levels[1])


def test_gamma_begins_at_a_half() -> None:
    assert GatedMultiLevelFusion(4, 3).gamma.tolist() == [0.5, 0.5, 0.5]
