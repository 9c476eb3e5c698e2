"""Guesses the unseen back of a thing from its visible front: most things have an axis or a plane of symmetry.

Mirrors and axes that stand upright on the support are tried. The images that they make of the visible points are tested
against the depth image, as in Bohg et al., "Mind the gap: robotic grasping under incomplete observation" (2011): a
point is confirmed if it falls on a visible surface of the thing, refuted if the camera sees through it, else hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refseg_ros.space.pinhole import Array, Lens

MOST_POINTS = 250
"""How many points mirrors and axes are tried with."""
MOST_IMAGED = 5000
"""How many points are mirrored or turned to complete a thing."""
TURNS = 16
"""How many directions of a mirror are tried first, over half a turn."""
SHIFTS = 13
"""How many positions of a mirror, or of an axis in it, are tried first."""
LEAST_CONFIRMED = 0.2
"""Share of mirrored points that must be confirmed before a mirror is accepted."""
MOST_REFUTED, MOST_REFUTED_BESIDE = 0.05, 0.02
"""Largest share of refuted points of a mirror, and of a second mirror at a right angle to it."""
LEAST_TURNED = 0.35
"""Share of turned points that must be confirmed before an axis is accepted; those turned to the back cannot be."""
MOST_TURNED_REFUTED = 0.12
"""Largest share of refuted turned points, which allows for a handle."""
REFUTED_COSTS = 2.0
"""How many confirmed points one refuted point outweighs."""
TRIED_TURNS = np.radians([-75.0, -45.0, -20.0, 20.0, 45.0, 75.0])
"""Radians by which points are turned to try an axis."""
MADE_TURNS = np.arange(1, 16) * np.pi / 8.0
"""Radians by which points are turned to complete a thing."""


@dataclass(frozen=True, eq=False)
class View:
    """What the camera sees; images of points are tested against it.

    Attributes:
        mask: (H, W), where the thing is seen.
        depth: (H, W) metres, NaN where unknown.
        lens: of both.
        axes: (3, 3), rows are the axes of the support's frame in the optical frame, the last one up; same origin.
        tolerance: error of depth, in metres.
    """

    mask: npt.NDArray[np.bool_]
    depth: npt.NDArray[np.float32]
    lens: Lens
    axes: Array
    tolerance: float

    def test(self, points: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
        """How well points (N, 3) in the support's frame are confirmed, (N,) in [0, 1], and which are refuted, (N,)."""
        optical = points @ self.axes
        pixels = self.lens.project(optical)
        height, width = self.mask.shape
        inside = np.all((pixels > -0.5) & (pixels < [width - 0.5, height - 0.5]), axis=1)  # false for NaN
        columns, rows = np.rint(np.where(inside[:, None], pixels, 0.0)).astype(int).T
        nearer = self.depth[rows, columns] - optical[:, 2]  # than the visible surface; NaN where depth is unknown
        with np.errstate(invalid="ignore"):
            on = inside & self.mask[rows, columns] & (np.abs(nearer) <= self.tolerance)
            refuted = inside & (nearer > 2.0 * self.tolerance)
        return np.where(on, 1.0 - (nearer / self.tolerance) ** 2, 0.0), refuted


@dataclass(frozen=True)
class Mirror:
    """An upright plane: in the support's frame, all (x, y) with x cos(angle) + y sin(angle) == shift (metres)."""

    angle: float
    shift: float

    @property
    def normal(self) -> Array:
        """Unit normal, (3,)."""
        return np.array([np.cos(self.angle), np.sin(self.angle), 0.0])

    def image(self, points: Array) -> Array:
        """Mirrored points (N, 3), in the support's frame."""
        return points - 2.0 * (points @ self.normal - self.shift)[:, None] * self.normal


def complete(points: Array, view: View) -> Array:
    """The points and, if a mirror or an axis is accepted, their images that are not refuted.

    Args:
        points: (N, 3) in the support's frame, metres: x, y along it, z up.
        view: what the camera sees.
    """
    some, many = (points[:: max(1, len(points) // most)] for most in (MOST_POINTS, MOST_IMAGED))
    mirror = _best_mirror(some, view, np.arange(TURNS) * np.pi / TURNS)
    axis = _best_axis(some, view, mirror)
    if axis is not None:
        return np.concatenate([points, _turned(many, axis, view)])
    if not _is_accepted(mirror, some, view, MOST_REFUTED):
        return points
    many = np.concatenate([many, _reflected(many, mirror, view)])
    square = _best_mirror(some, view, mirror.angle + 0.5 * np.pi + np.array([-0.1, 0.0, 0.1]))
    if not _is_accepted(square, some, view, MOST_REFUTED_BESIDE):
        return np.concatenate([points, many])
    return np.concatenate([points, many, _reflected(many, square, view)])


def _reflected(points: Array, mirror: Mirror, view: View) -> Array:
    image = mirror.image(points)
    return image[~view.test(image)[1]]


def _turned(points: Array, axis: Array, view: View) -> Array:
    """Images of the points about an upright axis (2,); points with a refuted image give none."""
    images = np.stack([_turn(points, axis, angle) for angle in MADE_TURNS])
    refuted = view.test(images.reshape(-1, 3))[1].reshape(len(MADE_TURNS), -1)
    return images[:, ~refuted.any(axis=0)].reshape(-1, 3)


def _turn(points: Array, axis: Array, angle: float) -> Array:
    cosine, sine = np.cos(angle), np.sin(angle)
    offset = points[:, :2] - axis
    flat = offset @ np.array([[cosine, sine], [-sine, cosine]]) + axis
    return np.concatenate([flat, points[:, 2:]], axis=1)


def _is_accepted(mirror: Mirror, points: Array, view: View, most_refuted: float) -> bool:
    confirmed, refuted = view.test(mirror.image(points))
    return bool((confirmed > 0.0).mean() >= LEAST_CONFIRMED and refuted.mean() <= most_refuted)


def _best_axis(points: Array, view: View, mirror: Mirror) -> Array | None:
    """The best axis (2,) in a mirror to turn the points about; None if no axis is accepted."""
    along = np.array([-mirror.normal[1], mirror.normal[0]])
    places = points[:, :2] @ along
    low, high = np.percentile(places, [1.0, 99.0])
    step = (high - low) / (SHIFTS - 1)
    tried = [(s, _axis_worth(points, view, mirror, along, s)) for s in np.linspace(low, high, SHIFTS)]
    for _ in range(3):
        best = max(tried, key=lambda entry: entry[1][0])[0]
        step /= 2.0
        tried += [(s, _axis_worth(points, view, mirror, along, s)) for s in (best - step, best + step)]
    shift, (_, confirmed, refuted) = max(tried, key=lambda entry: entry[1][0])
    if confirmed < LEAST_TURNED or refuted > MOST_TURNED_REFUTED:
        return None
    return mirror.shift * mirror.normal[:2] + shift * along


def _axis_worth(points: Array, view: View, mirror: Mirror, along: Array, shift: float) -> tuple[float, float, float]:
    axis = mirror.shift * mirror.normal[:2] + shift * along
    confirmed, refuted = view.test(np.concatenate([_turn(points, axis, angle) for angle in TRIED_TURNS]))
    return confirmed.mean() - REFUTED_COSTS * refuted.mean(), (confirmed > 0.0).mean(), refuted.mean()


def _best_mirror(points: Array, view: View, angles: Array) -> Mirror:
    """The mirror with the highest score, searched coarsely, then finer around the best ones."""
    tried: list[tuple[float, Mirror]] = []
    for angle in angles:
        low, high = np.percentile(points @ Mirror(angle, 0.0).normal, [1.0, 99.0])
        middle, reach = (low + high) / 2.0, 0.7 * (high - low) / 2.0
        shifts = middle + reach * np.linspace(-1.0, 1.0, SHIFTS)
        tried += _rate(points, view, [Mirror(float(angle), float(shift)) for shift in shifts])
    turn, step = np.pi / TURNS / 2.0, reach / (SHIFTS - 1)
    for _ in range(3):
        tried.sort(key=lambda entry: -entry[0])
        around = [(a * turn, s * step) for a in (-1, 0, 1) for s in (-1, 0, 1) if a or s]
        finer = [Mirror(mirror.angle + a, mirror.shift + s) for _, mirror in tried[:4] for a, s in around]
        tried = tried[:4] + _rate(points, view, finer)
        turn, step = turn / 2.0, step / 2.0
    return max(tried, key=lambda entry: entry[0])[1]


def _rate(points: Array, view: View, mirrors: Sequence[Mirror]) -> list[tuple[float, Mirror]]:
    confirmed, refuted = view.test(np.concatenate([mirror.image(points) for mirror in mirrors]))
    worth = (confirmed - REFUTED_COSTS * refuted).reshape(len(mirrors), -1).mean(axis=1)
    return list(zip(worth.tolist(), mirrors, strict=True))
