"""Gaussian filtering of points in several dimensions, in time linear in their number.

The permutohedral lattice of Adams, Baek and Davis, "Fast High-Dimensional Filtering Using the Permutohedral Lattice"
(2010): each point gives its value to the corners of the simplex that it lies in, the corners are blurred along the
lattice's axes, and each point reads its corners again.
"""

from __future__ import annotations

import numpy as np


class PermutohedralLattice:
    """Filters values at fixed points with a Gaussian of standard deviation 1 in each dimension.

    Attributes:
        points: number of points.
    """

    def __init__(self, features: np.ndarray) -> None:
        """Sort the points into the lattice.

        Args:
            features: (n, d) float, positions of the points in standard deviations.
        """
        self.points = len(features)
        remainder, rank, weights = _simplices(features)
        dimensions = features.shape[1]
        # Corner k of a simplex is its 0-coloured corner plus k, less d + 1 where the rank is above d - k.
        corners = np.arange(dimensions + 1)[:, None, None]
        keys = remainder[:, :-1] + corners - (dimensions + 1) * (rank[:, :-1] > dimensions - corners)  # (d+1, n, d)
        flat, strides = _numbered(keys.reshape(-1, dimensions))
        numbers, where = np.unique(flat, return_inverse=True)
        self._corners = where.reshape(dimensions + 1, -1)
        self._weights = np.ascontiguousarray(weights.T, np.float32)
        self._size = len(numbers)
        self._neighbours = [
            (_find(numbers, numbers - step), _find(numbers, numbers + step)) for step in _steps(strides, dimensions)
        ]

    def filter(self, values: np.ndarray) -> np.ndarray:
        """For each point, sum the values of all points, weighted by the Gaussian of their distance.

        The sums share an unknown factor; divide by the filtered values of all ones to get means.

        Args:
            values: (n,) float.

        Returns:
            (n,) float32.
        """
        spread = np.bincount(self._corners.ravel(), (self._weights * values).ravel(), self._size)
        lattice = np.append(spread, 0.0).astype(np.float32)  # the last entry stands for all corners without a value
        for before, after in self._neighbours:
            lattice[:-1] += 0.5 * (lattice[before] + lattice[after])
        return (self._weights * lattice[self._corners]).sum(0)


def _simplices(features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The simplex that each of (n, d) points lies in.

    Returns:
        Its 0-coloured corner (n, d+1) int64, the rank of each coordinate in it (n, d+1) int64, and the barycentric
        weights of its d+1 corners (n, d+1).
    """
    dimensions = features.shape[1]
    index = np.arange(1, dimensions + 1)
    # Project onto the plane where coordinates sum to zero, scaled so that the blur's deviation becomes 1.
    scaled = features / np.sqrt(index * (index + 1)) * np.sqrt(2.0 / 3.0) * (dimensions + 1)
    elevated = np.zeros((len(features), dimensions + 1))
    elevated[:, :-1] = np.cumsum(scaled[:, ::-1], 1)[:, ::-1]
    elevated[:, 1:] -= index * scaled
    remainder = np.rint(elevated / (dimensions + 1)).astype(np.int64)
    excess = remainder.sum(1, keepdims=True)
    remainder *= dimensions + 1
    order = np.argsort(remainder - elevated, 1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(dimensions + 1), order.shape), 1)
    rank += excess  # a point that was rounded off the plane is brought back to it
    shift = (dimensions + 1) * ((rank < 0).astype(np.int64) - (rank > dimensions))
    rank, remainder = rank + shift, remainder + shift
    inside = (elevated - remainder) / (dimensions + 1)
    by_rank = np.empty_like(inside)
    np.put_along_axis(by_rank, rank, inside, 1)  # the largest first
    weights = np.empty_like(inside)
    weights[:, 1:] = by_rank[:, -2::-1] - by_rank[:, :0:-1]
    weights[:, 0] = 1.0 + by_rank[:, -1] - by_rank[:, 0]
    return remainder, rank, weights


def _numbered(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number lattice points (m, d): one number each (m,), and its growth with each coordinate (d,).

    The numbering leaves room for a neighbour on each side, so that all neighbours have numbers of their own.
    """
    dimensions = keys.shape[1]
    least = keys.min(0) - dimensions
    extent = keys.max(0) + dimensions - least + 1
    strides = np.append(np.cumprod(extent[:0:-1])[::-1], 1)
    if float(extent.astype(np.float64).prod()) > np.iinfo(np.int64).max:
        raise ValueError("the features span more of the lattice than can be numbered: scale them down")
    return (keys - least) @ strides, strides


def _steps(strides: np.ndarray, dimensions: int) -> list[int]:
    """The growth of a lattice point's number along each of the d+1 axes."""
    along = np.ones((dimensions + 1, dimensions), np.int64)
    along[np.arange(dimensions), np.arange(dimensions)] = -dimensions
    return [int(step) for step in along @ strides]


def _find(numbers: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Indices of the wanted numbers in sorted ones; len(numbers) for missing ones."""
    places = np.minimum(np.searchsorted(numbers, wanted), len(numbers) - 1)
    return np.where(numbers[places] == wanted, places, len(numbers))
