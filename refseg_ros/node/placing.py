"""From what was found in an image to where it is in space, by the depth image of the same moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from std_msgs.msg import Header

from refseg_ros.answer import Answer, Verdict
from refseg_ros.images.messages import ImageError, to_depth
from refseg_ros.msg import Placement
from refseg_ros.node.depth import Depth, DepthError, nanoseconds_of
from refseg_ros.node.messages_3d import lens_of_message, pose_of, size_of
from refseg_ros.node.stability import Spot
from refseg_ros.node.transforms import Transforms
from refseg_ros.space.lifting import Lifted, lift
from refseg_ros.space.lifting_error import LiftingError
from refseg_ros.space.pinhole import LensError
from refseg_ros.space.transforms import TransformError


@dataclass(frozen=True, eq=False)
class Placed:
    """Where a thing is, or why that is not known."""

    lifted: Lifted | None = None
    frame: str = ""
    """The frame of `lifted`."""
    reason: str = ""
    """Why the place is not known; empty if nothing was found, or the camera has no depth."""

    @property
    def spot(self) -> Spot | None:
        """Where its middle is."""
        return None if self.lifted is None else Spot(self.frame, self.lifted.box.centre)

    def message(self) -> Placement:
        """The placement as a message."""
        if self.lifted is None:
            return Placement(reason=self.reason)
        box = self.lifted.box
        return Placement(
            known=True,
            frame_id=self.frame,
            pose=pose_of(box),
            size=size_of(box),
            supported=self.lifted.supported,
            valid_depth=self.lifted.valid_ratio,
        )


def place(
    depth: Depth | None,
    transforms: Transforms | None,
    rectified: bool,
    header: Header,
    image: np.ndarray,
    answers: Sequence[Answer],
) -> list[Placed]:
    """Place what each answer found.

    Args:
        depth: of the camera; None if it has none.
        transforms: to the frame `target_frame`; None for the frame of the image.
        rectified: whether the camera's images are without distortion.
        header: of the image.
        image: (H, W, 3) uint8 RGB.
        answers: on the image.
    """
    found = [answer.verdict is Verdict.FOUND for answer in answers]
    if depth is None or not any(found):
        return [Placed()] * len(answers)
    height, width = image.shape[:2]
    try:
        message, info = depth.at(nanoseconds_of(header), (width, height))
        metres, lens = to_depth(message), lens_of_message(info, rectified)
        transform = transforms.at(header) if transforms else None
    except (DepthError, ImageError, LensError, TransformError) as error:
        return [Placed(reason=str(error) if is_found else "") for is_found in found]
    frame = transforms.target if transforms else header.frame_id

    def placed(answer: Answer) -> Placed:
        try:
            lifted = lift(answer.mask, metres, lens, image)
        except LiftingError as error:
            return Placed(reason=str(error))
        return Placed(lifted.moved(transform) if transform else lifted, frame)

    return [placed(answer) if is_found else Placed() for answer, is_found in zip(answers, found, strict=True)]
