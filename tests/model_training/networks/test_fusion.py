"""What Table 2 compares gated multi-level fusion with: each against its equations."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from model_training.networks.ablations.map_fusion import FUSIONS, ChannelGatedFusion
from tests.model_training import literal
from tests.model_training.comparing import check_equal, draw, randomise

EQUATIONS: dict[str, Callable[[nn.Module, list[Tensor]], Tensor]] = {
    "none": lambda _, levels: levels[2],
    "ppm": lambda module, levels: literal.pyramid_pooling(module, levels[2]),
    "deconvolution": lambda module, levels: literal.deconvolution(module, levels[2]),
    "convlstm": literal.convolutional_lstm,
    "gated": literal.self_gated,
    "gmlf": literal.gated_fusion,
    "gmlf-channels": literal.channel_gated,
}


@pytest.mark.parametrize("name", FUSIONS)
def test_equals_the_equations(name: str) -> None:
    way = FUSIONS[name]
    module = way.module(4, 3)
    randomise(module)
    levels = [draw(2, 4, 3, 5, seed=i) for i in range(3)]
    fused = module(levels)
    assert fused.shape == (2, 4 // way.narrowing, 3 * way.upsampling, 5 * way.upsampling)
    check_equal(
        lambda: [module(levels)],
        lambda: [torch.stack([EQUATIONS[name](module, [x[b] for x in levels]) for b in range(2)])],
        [*levels, *module.parameters()],
    )


def test_the_cvpr_form_is_for_three_levels() -> None:
    with pytest.raises(ValueError, match="is for 3 levels, not for 2"):
        ChannelGatedFusion(4, 2)
