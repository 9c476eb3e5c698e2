"""Filtering on the lattice against filtering by brute force."""

from __future__ import annotations

import numpy as np
import pytest

from model_training.scoring.permutohedral import PermutohedralLattice

POINTS = 300


def points(dimensions: int, seed: int = 0, spread: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, spread, (POINTS, dimensions))


def gaussian(features: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * ((features[:, None] - features[None]) ** 2).sum(-1))


@pytest.mark.parametrize("dimensions", [1, 2, 3, 5])
def test_means_as_by_brute_force(dimensions: int) -> None:
    features = points(dimensions)
    lattice = PermutohedralLattice(features)
    values = np.sin(2 * features[:, 0]) + np.random.default_rng(1).normal(0, 0.3, POINTS)
    means = lattice.filter(values) / lattice.filter(np.ones(POINTS))
    expected = gaussian(features) @ values / gaussian(features).sum(1)
    assert np.corrcoef(means, expected)[0, 1] > 0.95
    assert np.abs(means - expected).mean() < 0.15 * values.std()


@pytest.mark.parametrize("dimensions", [1, 2, 3, 5])
def test_the_kernel_is_nearly_gaussian(dimensions: int) -> None:
    features = points(dimensions, spread=2.0)
    lattice = PermutohedralLattice(features)
    kernel = np.stack([lattice.filter(column) for column in np.eye(POINTS)], 1)
    assert kernel.min() >= 0
    assert np.corrcoef(kernel.ravel(), gaussian(features).ravel())[0, 1] > 0.95


def test_it_is_linear() -> None:
    lattice = PermutohedralLattice(points(5))
    first, second = np.random.default_rng(2).normal(size=(2, POINTS))
    together = lattice.filter(2 * first - second)
    assert np.allclose(together, 2 * lattice.filter(first) - lattice.filter(second), atol=1e-4)


def test_points_at_one_place_read_the_same() -> None:
    features = points(5)
    features[10:20] = features[3]
    filtered = PermutohedralLattice(features).filter(np.random.default_rng(3).normal(size=POINTS))
    assert np.ptp(filtered[[3, *range(10, 20)]]) < 1e-5


def test_points_far_apart_do_not_see_each_other() -> None:
    features = points(3)
    features[POINTS // 2 :] += 1000
    values = np.zeros(POINTS)
    values[: POINTS // 2] = 1
    filtered = PermutohedralLattice(features).filter(values)
    assert (filtered[: POINTS // 2] > 0).all() and not filtered[POINTS // 2 :].any()


def test_a_space_too_large_to_number_is_refused() -> None:
    with pytest.raises(ValueError, match="scale them down"):
        PermutohedralLattice(np.array([np.zeros(5), np.full(5, 1e6)]))
