"""The pyramid of means."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from model_training.networks.vlide.pyramid import BINS, pyramid
from tests.model_training.networks.systems import draw


@pytest.mark.parametrize("size", [(8, 8), (10, 7), (1, 1), (40, 30)])
def test_has_110_cells_which_are_adaptive_means(size: tuple[int, int]) -> None:
    features = draw(2, 3, *size)
    found = pyramid(features)
    assert found.shape == (2, 110, 3)
    wanted = torch.cat([F.adaptive_avg_pool2d(features, count).flatten(2) for count in BINS], -1)
    assert torch.allclose(found, wanted.transpose(1, 2))
