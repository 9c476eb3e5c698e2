"""Pixels become rays and points become pixels again, with and without distortion; what is no calibration is refused."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from refseg_ros.space.pinhole import LensError, lens_of

K = (300.0, 0.0, 159.5, 0.0, 310.0, 119.5, 0.0, 0.0, 1.0)
MODELS = {
    "plumb_bob": (0.1, -0.05, 0.001, -0.002, 0.01),
    "rational_polynomial": (0.1, -0.05, 0.001, -0.002, 0.01, 0.02, 0.01, 0.001),
    "equidistant": (0.02, -0.01, 0.003, 0.001),
}


@pytest.mark.parametrize("model", ["", *MODELS])
def test_a_point_on_the_ray_of_a_pixel_is_shown_by_that_pixel(model: str):
    lens = lens_of((320, 240), K, model, MODELS.get(model, ()))
    columns, rows = np.meshgrid(np.arange(0, 320, 40), np.arange(0, 240, 40))
    rays = lens.rays(columns.ravel(), rows.ravel())
    assert (rays[:, 2] == 1.0).all()
    pixels = lens.project(rays * 2.5)
    np.testing.assert_allclose(pixels, np.stack([columns.ravel(), rows.ravel()], axis=1), atol=0.02)


WIDE = (-0.3123, 0.0845, 0.0, 0.0, -0.0098)
"""Of a lens that sees 82 degrees across; beyond 1.3 m beside the axis at 1 m it turns back."""


def test_the_rays_of_a_wide_lens_are_exact():
    lens = lens_of((640, 480), (370.0, 0.0, 320.0, 0.0, 370.0, 240.0, 0.0, 0.0, 1.0), "plumb_bob", WIDE)
    across, down = (part.ravel() for part in np.meshgrid(np.linspace(-1.0, 1.0, 21), np.linspace(-0.7, 0.7, 15)))
    points = np.stack([across, down, np.ones_like(across)], axis=1)
    np.testing.assert_allclose(lens.rays(*lens.project(points).T), points, atol=1e-4)


@pytest.mark.parametrize(
    ("model", "count"),
    [*(("plumb_bob", count) for count in (4, 5)), *(("rational_polynomial", count) for count in (4, 5, 8, 12, 14))],
)
def test_points_are_shown_where_opencv_shows_them(model: str, count: int):
    rng = np.random.default_rng(count)
    distortion = rng.uniform(-0.05, 0.05, count)
    lens = lens_of((320, 240), K, model, distortion)
    points = np.concatenate([rng.uniform(-0.6, 0.6, (50, 2)), np.ones((50, 1))], axis=1) * rng.uniform(0.5, 3, (50, 1))
    shown = cv2.projectPoints(points, np.zeros(3), np.zeros(3), lens.matrix, distortion)[0][:, 0]
    np.testing.assert_allclose(lens.project(points), shown, atol=1e-9)


def test_a_pixel_that_no_point_is_shown_at_has_no_ray():
    lens = lens_of((640, 480), (370.0, 0.0, 320.0, 0.0, 370.0, 240.0, 0.0, 0.0, 1.0), "plumb_bob", WIDE)
    rays = lens.rays([0.0, 320.0], [0.0, 240.0])
    assert np.isnan(rays[0]).all() and np.isfinite(rays[1]).all()


def test_the_principal_point_looks_straight_ahead():
    np.testing.assert_allclose(lens_of((320, 240), K).rays([159.5], [119.5]), [[0.0, 0.0, 1.0]])


def test_what_is_not_in_front_has_no_pixel():
    assert np.isnan(lens_of((320, 240), K).project(np.array([[0.0, 0.0, -1.0], [0.0, 0.0, 0.0]]))).all()


@pytest.mark.parametrize("model", ["", *MODELS])
def test_no_points_give_no_pixels(model: str):
    lens = lens_of((320, 240), K, model, MODELS.get(model, ()))
    assert lens.rays([], []).shape == (0, 3)
    assert lens.project(np.empty((0, 3))).shape == (0, 2)


def test_a_part_of_the_image_and_a_coarser_one_see_the_same():
    """The middle of 2 x 2 calibrated pixels is the middle of the pixel that they make."""
    whole = lens_of((320, 240), K)
    part = lens_of((160, 100), K, offset=(100, 40))
    coarse = lens_of((160, 120), K, binning=(2, 2))
    np.testing.assert_allclose(part.rays([10], [20]), whole.rays([110], [60]))
    np.testing.assert_allclose(coarse.rays([30], [40]), whole.rays([60.5], [80.5]))
    assert lens_of((320, 240), K, binning=(0, 0)) == whole


def test_coefficients_that_are_all_zero_need_no_model():
    assert not lens_of((320, 240), K, "of my own", (0.0, 0.0)).is_distorted


@pytest.mark.parametrize("model", [*MODELS, "fisheye"])
@pytest.mark.parametrize("more", [1, 3, 7, 20])
def test_zeros_beyond_the_model_change_nothing(model: str, more: int):
    """An Orbbec driver gives plumb_bob with eight, the last three of them 0."""
    own = MODELS["equidistant" if model == "fisheye" else model]
    lens, longer = (lens_of((320, 240), K, model, (*own, *[0.0] * count)) for count in (0, more))
    columns, rows = [0.0, 100.0, 319.0], [0.0, 30.0, 239.0]
    np.testing.assert_array_equal(longer.rays(columns, rows), lens.rays(columns, rows))
    points = lens.rays(columns, rows)
    np.testing.assert_array_equal(longer.project(points), lens.project(points))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (dict(k=(0.0,) * 9), "not calibrated: its focal lengths are 0 and 0 pixels"),
        (dict(k=(-1.0, *K[1:])), "not calibrated"),
        (dict(k=K[:8]), "has 9 values, this one has 8"),
        (dict(k=(float("nan"), *K[1:])), "not numbers"),
        (dict(model="plumb_bob", distortion=(float("inf"),) * 5), "not numbers"),
        (dict(model="of my\nown", distortion=(0.1,)), r"'of my\\nown' is not supported; supported are plumb_bob,"),
        (dict(model="plumb_bob", distortion=(0.1,)), "plumb_bob has 4 or 5 coefficients, the calibration has 1"),
        (dict(model="equidistant", distortion=(0.1,) * 5), "equidistant has 4 coefficients"),
        (dict(model="plumb_bob", distortion=(0.1,) * 6 + (0.0,) * 2), "4 or 5 coefficients, the calibration has 8"),
    ],
)
def test_what_is_no_calibration_is_refused_in_one_line(fault: dict, words: str):
    with pytest.raises(LensError, match=words) as caught:
        lens_of(**(dict(size=(320, 240), k=K) | fault))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("model", ["PLUMB_BOB", " plumb_bob "])
def test_the_name_of_a_model_may_be_in_capitals(model: str):
    k = (300.0, 0.0, 160.0, 0.0, 300.0, 120.0, 0.0, 0.0, 1.0)
    d = (0.1, -0.05, 0.001, -0.002, 0.01)
    assert lens_of((320, 240), k, model, d) == lens_of((320, 240), k, "plumb_bob", d)
