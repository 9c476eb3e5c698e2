"""From what was found in an image to where it is in space, by the depth image of the same moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from refseg_ros.answer import Answer, Verdict
from refseg_ros.images import ImageError, to_depth
from refseg_ros.lifting import Lifted, LiftingError, lift
from refseg_ros.messages_3d import lens_of_message, pose_of, size_of
from refseg_ros.msg import Placement
from refseg_ros.node.depth import Depth, DepthError
from refseg_ros.pairing import NANOSECONDS
from refseg_ros.pinhole import LensError


@dataclass(frozen=True, eq=False)
class Placed:
    """Where a thing is, or why that is not known."""

    lifted: Lifted | None = None
    reason: str = ""
    """Empty where nothing was found, or no depth is asked for."""

    def message(self) -> Placement:
        """The message of it."""
        if self.lifted is None:
            return Placement(reason=self.reason)
        box = self.lifted.box
        return Placement(
            known=True,
            pose=pose_of(box),
            size=size_of(box),
            supported=self.lifted.supported,
            valid_depth=self.lifted.valid_ratio,
        )


def place(
    depth: Depth | None, rectified: bool, header: Header, image: np.ndarray, answers: Sequence[Answer]
) -> list[Placed]:
    """Place what each answer found.

    Args:
        depth: of the camera; None where none is asked for.
        rectified: whether the camera's images are without distortion.
        header: of the image.
        image: (H, W, 3) uint8 RGB.
        answers: on it.
    """
    if depth is None or not any(answer.verdict is Verdict.FOUND for answer in answers):
        return [Placed()] * len(answers)
    try:
        message, info = depth.at(header.stamp.sec * NANOSECONDS + header.stamp.nanosec)
    except DepthError as error:
        return [_without(answer, str(error)) for answer in answers]
    return [_placed(answer, image, message, info, rectified) for answer in answers]


def _placed(answer: Answer, image: np.ndarray, depth: Image, info: CameraInfo, rectified: bool) -> Placed:
    if answer.verdict is not Verdict.FOUND:
        return Placed()
    try:
        lens = lens_of_message(info, rectified)
        return Placed(lift(answer.mask, to_depth(depth), lens, image))
    except (ImageError, LensError, LiftingError) as error:
        return Placed(reason=str(error))


def _without(answer: Answer, reason: str) -> Placed:
    return Placed(reason=reason if answer.verdict is Verdict.FOUND else "")
