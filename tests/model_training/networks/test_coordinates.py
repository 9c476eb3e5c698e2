"""The 8-D coordinate map, and waves over it."""

from __future__ import annotations

import pytest
import torch

from model_training.networks.layers.coordinates import coordinate_map, coordinate_waves
from tests.model_training import literal


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (40, 40)])
def test_is_the_papers(size: tuple[int, int]) -> None:
    made = coordinate_map(*size)
    assert made.dtype == torch.float32
    assert torch.allclose(made.double(), literal.coordinates(*size), atol=1e-7)


def test_runs_row_by_row_from_the_upper_left() -> None:
    grid = coordinate_map(2, 4).unflatten(0, (2, 4))
    assert grid[0, 0].tolist() == [-1, -0.75, -0.5, -1, -0.5, 0, 0.25, 0.5]
    assert grid[0, 3, 2] == 1 and grid[1, 0, 5] == 1


def test_waves_tell_by_their_product_how_far_apart_cells_are() -> None:
    waves = coordinate_waves(4, 6)
    assert waves.shape == (24, 12) and waves.dtype == torch.float32 and waves.abs().max() <= 1
    products = (waves @ waves.T).view(4, 6, 4, 6)
    assert torch.allclose(products[0, 1, :3, 2:5], products[1, 2, 1:, 3:], atol=1e-5)  # moved by the same step
    assert torch.allclose(products[2, 3, 2, 3], torch.tensor(6.0))  # sin^2 + cos^2, three frequencies, two axes
    assert products[0, 0, 0, 0] > products[0, 0, 0, 1] > products[0, 0, 0, 2:].max()
