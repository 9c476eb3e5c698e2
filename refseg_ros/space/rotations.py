"""Unit quaternions (w, x, y, z) and rotation matrices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def turned(quaternion: Sequence[float], yaw: float) -> NDArray[np.float64]:
    """Return a quaternion turned by yaw radians about the world's z axis."""
    w, x, y, z = quaternion
    c, s = np.cos(yaw / 2.0), np.sin(yaw / 2.0)
    return np.array([c * w - s * z, c * x - s * y, c * y + s * x, c * z + s * w])


def rotation(quaternion: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rotation matrix (3, 3) of a unit quaternion."""
    w, x, y, z = quaternion
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
