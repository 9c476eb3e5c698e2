"""What was found as messages of vision_msgs, where that is installed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geometry_msgs.msg import PoseWithCovariance
from std_msgs.msg import Header

from refseg_ros.answer import Verdict
from refseg_ros.node.messages_3d import Target, pose_of, size_of

try:
    from vision_msgs import msg as vision
except ImportError:
    vision = None

AVAILABLE = vision is not None
"""Whether vision_msgs is installed; without it nothing else here may be called."""


def detections_2d(targets: Sequence[Target], header: Header) -> Any:
    """A vision_msgs/Detection2DArray of the targets that were found: boxes in source pixels, expressions as class_id.

    The middle of a box of the columns x to x + width - 1 is x + width / 2, counted from the image's left edge.
    """
    detections = []
    for target in _found(targets):
        x, y, width, height = map(float, target.answer.box)
        middle = vision.Pose2D(position=vision.Point2D(x=x + width / 2.0, y=y + height / 2.0))
        box = vision.BoundingBox2D(center=middle, size_x=width, size_y=height)
        results = [_hypothesis(target, PoseWithCovariance())]
        detections.append(vision.Detection2D(header=header, results=results, bbox=box, id=str(target.query_id)))
    return vision.Detection2DArray(header=header, detections=detections)


def detections_3d(targets: Sequence[Target], header: Header) -> Any:
    """A vision_msgs/Detection3DArray of the targets that were found and lifted: boxes in the header's frame, metres."""
    detections = []
    for target in _found(targets):
        if target.lifted is None:
            continue
        pose = pose_of(target.lifted.box)
        box = vision.BoundingBox3D(center=pose, size=size_of(target.lifted.box))
        results = [_hypothesis(target, PoseWithCovariance(pose=pose))]
        detections.append(vision.Detection3D(header=header, results=results, bbox=box, id=str(target.query_id)))
    return vision.Detection3DArray(header=header, detections=detections)


def _found(targets: Sequence[Target]) -> list[Target]:
    return [target for target in targets if target.answer.verdict is Verdict.FOUND]


def _hypothesis(target: Target, pose: PoseWithCovariance) -> Any:
    hypothesis = vision.ObjectHypothesis(class_id=target.answer.text, score=float(target.answer.score))
    return vision.ObjectHypothesisWithPose(hypothesis=hypothesis, pose=pose)
