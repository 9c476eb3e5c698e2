"""The simulated camera: projection, the table's plane, outlines."""

from __future__ import annotations

import numpy as np
import pytest

from refseg_ros.simulation.camera import Camera, look_at, silhouette_area
from refseg_ros.simulation.meshes import ball_profile, lathe


@pytest.fixture
def camera() -> Camera:
    return look_at(np.array([0.1, -0.2, 0.0]), 0.7, 0.8, 1.0, 0.9, (640, 480))


def test_the_target_is_in_the_middle_and_at_the_distance(camera: Camera) -> None:
    target = np.array([0.1, -0.2, 0.0])
    assert camera.to_optical(target) == pytest.approx([0.0, 0.0, 1.0], abs=1e-12)
    assert camera.project(target) == pytest.approx([319.5, 239.5])
    assert camera.on_table((319.5, 239.5)) == pytest.approx(target)


def test_the_axes_are_right_down_forward(camera: Camera) -> None:
    assert camera.axes @ camera.axes.T == pytest.approx(np.eye(3))
    assert np.linalg.det(camera.axes) == pytest.approx(1.0)
    assert camera.axes[1][2] < 0.0  # down
    assert camera.axes[0][2] == 0.0  # without roll
    assert camera.away @ camera.axes[2] > 0.0


def test_pixels_of_the_table_come_back(camera: Camera) -> None:
    for pixel in ((10.0, 470.0), (600.0, 200.0), (320.0, 100.0)):
        place = camera.on_table(pixel)
        assert place[2] == pytest.approx(0.0, abs=1e-12)
        assert camera.project(place) == pytest.approx(pixel)


def test_ground_is_measured_along_the_table(camera: Camera) -> None:
    right, away = camera.ground(camera.position + 0.3 * camera.axes[0] + 0.5 * camera.away + [0, 0, -0.4])
    assert (right, away) == pytest.approx((0.3, 0.5))


def test_the_outline_of_a_ball_has_the_area_of_its_disc(camera: Camera) -> None:
    ball = lathe(ball_profile(0.05, 24), sides=48)
    pieces = [ball.vertices[piece] + [0.1, -0.2, 0.0] for piece in ball.pieces]
    disc = np.pi * (camera.intrinsics.fx * 0.05) ** 2 / (1.0 - 0.05**2)  # seen from 1 m
    assert silhouette_area(camera, pieces) == pytest.approx(disc, rel=0.02)
    beyond = [piece + 0.62 * camera.axes[0] for piece in pieces]  # over the border of the image
    assert camera.project(beyond[12])[:, 0].max() > 639
    assert silhouette_area(camera, beyond) == pytest.approx(disc, rel=0.2)
