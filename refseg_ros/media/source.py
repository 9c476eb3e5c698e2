"""A camera as a source of pictures. Without ROS.

The reader decides how fast time passes: `read(elapsed)` gives the picture that the camera sees `elapsed` seconds after
the one before. Only a live camera runs in real time; it gives the next picture that comes.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from refseg_ros.space.pinhole import Lens


class SourceError(Exception):
    """A source does not open or gives no picture; the message gives the reason in one line."""


@dataclass(frozen=True)
class Picture:
    """What a camera sees at one moment."""

    rgb: npt.NDArray[np.uint8]
    """(H, W, 3) RGB."""
    depth: npt.NDArray[np.float32] | None = None
    """(H, W) metres along the optical axis; simulated cameras only."""
    labels: npt.NDArray[np.uint8] | None = None
    """(H, W) instance id of the object in each pixel, 0 for no object; simulated cameras only."""
    truth: dict[str, Any] | None = None
    """What is in the scene, ready for JSON: "seed" and "objects" (fields of `ObjectTruth`); simulated cameras only."""
    intrinsics: Lens | None = None
    """None for a camera that is not calibrated."""


class Source(ABC):
    """A camera that gives its pictures on request."""

    highest_rate: float = math.inf
    """Pictures per second; a faster reader would get the same picture twice."""

    @abstractmethod
    def read(self, elapsed: float, *, depth: bool = False) -> Picture | None:
        """Give the picture `elapsed` seconds after the one before; None at the end.

        Args:
            elapsed: seconds, 0 or more; ignored by the first call, which gives the first picture.
            depth: whether to give depth as well, if the source has it.

        Raises:
            SourceError: the source cannot give the picture.
        """

    @abstractmethod
    def close(self) -> bool:
        """Release the device or file; False if a thread still waits for the device, and releases it later."""
