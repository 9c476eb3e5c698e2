"""The 8-D coordinate map."""

from __future__ import annotations

import pytest
import torch

from model_training.networks.coordinates import coordinate_map
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
