"""Meshes and blueprints: closed outwards, of sensible size, their outline covered by their convex pieces."""

from __future__ import annotations

import numpy as np
import pytest

from refseg_ros.simulation.meshes import Mesh, ball_profile, box, join, lathe, tube
from refseg_ros.simulation.objects import CLASSES, blueprint


def _volume(mesh: Mesh) -> float:
    """The volume inside outward triangles: the sum of the signed tetrahedra to the origin."""
    a, b, c = (mesh.vertices[mesh.faces[:, corner]] for corner in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0)


def test_volumes_are_those_of_the_solids() -> None:
    assert _volume(box((0.1, 0.2, 0.3))) == pytest.approx(0.006)
    assert _volume(lathe(ball_profile(0.05, 40), sides=80)) == pytest.approx(4 / 3 * np.pi * 0.05**3, rel=0.01)
    assert _volume(lathe([(0, 0), (0.1, 0), (0.1, 0.2), (0, 0.2)], sides=80)) == pytest.approx(np.pi * 0.002, rel=0.01)
    angle = np.linspace(0, 2 * np.pi, 81)
    ring = np.stack([0.1 * np.cos(angle), 0 * angle, 0.1 * np.sin(angle)], axis=1)
    assert _volume(tube(ring, np.full(81, 0.02), sides=80)) == pytest.approx(2 * np.pi**2 * 0.1 * 0.0004, rel=0.01)


def test_joined_meshes_keep_their_parts() -> None:
    first, second = box((1, 1, 1)), box((2, 1, 1)).moved((5, 0, 0))
    both = join(first, second)
    assert _volume(both) == pytest.approx(3.0)
    assert len(both.pieces) == 2
    assert np.array_equal(both.vertices[both.pieces[1]], second.vertices)


@pytest.mark.parametrize("name", CLASSES)
def test_a_blueprint_looks_and_collides_alike(name: str) -> None:
    for seed in range(5):
        plan = blueprint(name, np.random.default_rng(seed))
        corners = plan.vertices()
        extent = np.ptp(corners, axis=0)
        assert 0.05 < extent.max() < 0.25
        assert sum(part.paint == "base" for part in plan.parts) == 1
        reach = max(np.linalg.norm(solid.position) + np.linalg.norm(solid.size) for solid in plan.solids)
        assert np.linalg.norm(corners, axis=1).max() == pytest.approx(reach, rel=0.5)
        for part in plan.parts:
            covered = np.unique(np.concatenate(part.mesh.pieces))
            assert np.array_equal(covered, np.arange(len(part.mesh.vertices)))
