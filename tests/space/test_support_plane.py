"""A plane's own frame: upright, right-handed, and heights are measured along it, whichever way the camera looks."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from refseg_ros.space.support_plane import Plane

numbers = st.floats(-1.0, 1.0)


@given(numbers, numbers, st.floats(-2.0, 2.0), st.floats(-0.5, 0.5))
@example(0.0, 0.0, -1.0, 0.1)  # seen from straight above
@example(1e-9, 0.0, -1.0, 0.1)
def test_axes_are_a_rotation_along_which_heights_are_measured(x: float, y: float, height: float, above: float) -> None:
    up = np.array([x, y, -1.0]) / np.linalg.norm([x, y, -1.0])
    plane = Plane(up, height, tolerance=0.01, noise=0.002)
    axes = plane.axes()
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(axes), 1.0)
    np.testing.assert_array_equal(axes[2], up)
    points = np.array([[0.3, -0.2, height], [0.0, 0.5, height + above]]) @ axes
    np.testing.assert_allclose(plane.above(points), [0.0, above], atol=1e-12)
