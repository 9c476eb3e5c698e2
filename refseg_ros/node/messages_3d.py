"""Turns things that were found in space into ROS messages, in the frame of the header that is passed.

For one image and all its queries, with the header of the image:

    lens = lens_of_message(camera_info, is_rectified(image_topic))      # LensError: no usable calibration
    depth = to_depth(depth_message)                                     # images.py; ImageError
    lifted = lift(answer.mask, depth, lens, image)                      # lifting.py, FOUND answers only; LiftingError
    targets = [Target(query.id, answer, lifted or None), ...]
    pose_message(lifted.box, header)                                    # geometry_msgs/PoseStamped
    marker_message(targets, header)                                     # visualization_msgs/MarkerArray
    cloud_message([lifted, ...], header)                                # sensor_msgs/PointCloud2
    detections_2d(targets, header), detections_3d(targets, header)      # vision_messages.py, where AVAILABLE

Empty lists give messages that say so: a cloud of no points, no detections, and markers that delete the last ones.
"""

from __future__ import annotations

import array
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion, Vector3
from sensor_msgs.msg import CameraInfo, PointCloud2, PointField
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from refseg_ros.answer import Answer
from refseg_ros.ros.node_config import BY_NAME
from refseg_ros.space.lifting import Lifted
from refseg_ros.space.oriented_box import OrientedBox
from refseg_ros.space.pinhole import Lens, LensError, lens_of
from refseg_ros.text import quoted

BOX_COLOUR = ColorRGBA(r=0.1, g=0.8, b=0.3, a=0.4)
TEXT_COLOUR = ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0)
TEXT_SIZE = 0.03
"""Metres, of a capital letter."""
_POINT = np.dtype([("xyz", "<f4", 3), ("rgb", "<u4")])


@dataclass(frozen=True, eq=False)
class Target:
    """An answer, the number of its query, and the thing in space where it could be lifted."""

    query_id: int
    answer: Answer
    lifted: Lifted | None


def are_rectified(rectified: str, image_topic: str) -> bool:
    """Whether images are without distortion, by the setting `rectified` and the full name of their topic."""
    return rectified == "yes" or (rectified == BY_NAME and is_rectified(image_topic))


def is_rectified(image_topic: str) -> bool:
    """Whether a topic carries images without distortion, by the names of image_pipeline: image_rect, image_rect_...

    The topic of a transport lies below that name: image_rect/compressed.
    """
    parts = image_topic.split("/")
    name = parts[-2] if parts[-1] == "compressed" and len(parts) > 1 else parts[-1]
    return name.startswith("image_rect")


def lens_of_message(info: CameraInfo, rectified: bool = False) -> Lens:
    """The lens of the images that a camera_info belongs to.

    Args:
        info: of the camera; its binning and region of interest count.
        rectified: whether the images are rectified. If so, P describes them, without distortion; if not, K and D do.
            Some drivers of cameras without distortion leave P empty; then K is the same.

    Raises:
        LensError: it is not calibrated, P is missing, or its distortion model is not supported.
    """
    size = size_of_images(info)
    if min(size) < 1:
        raise LensError(f"camera_info is for {size[0]}x{size[1]} pixels")
    p, k, model, distortion = info.p, info.k, info.distortion_model, info.d
    if rectified and (any(p) or any(info.d)):
        if not any(p):
            raise LensError("the images are rectified, but P of camera_info is all zeros: calibrate the camera anew")
        k, model, distortion = [p[0], 0.0, p[2], 0.0, p[5], p[6], 0.0, 0.0, 1.0], "", ()
    region = info.roi
    return lens_of(size, k, model, distortion, (info.binning_x, info.binning_y), (region.x_offset, region.y_offset))


def size_of_images(info: CameraInfo) -> tuple[int, int]:
    """Width and height of the images that a camera_info belongs to: its region of interest, binned."""
    width, height = info.roi.width or info.width, info.roi.height or info.height
    return width // max(1, info.binning_x), height // max(1, info.binning_y)


def pose_of(box: OrientedBox) -> Pose:
    """Centre and axes of a box: the axes of the pose are those of the box."""
    x, y, z = map(float, box.centre)
    return Pose(position=Point(x=x, y=y, z=z), orientation=_quaternion(box))


def size_of(box: OrientedBox) -> Vector3:
    """The lengths of a box along its axes, metres."""
    x, y, z = map(float, box.size)
    return Vector3(x=x, y=y, z=z)


def pose_message(box: OrientedBox, header: Header) -> PoseStamped:
    """Where a thing is and how it lies."""
    return PoseStamped(header=header, pose=pose_of(box))


def marker_message(targets: Sequence[Target], header: Header) -> MarkerArray:
    """A box and its expression, with the score, for each target that was lifted; the markers of before are deleted."""
    markers = [Marker(header=header, action=Marker.DELETEALL)]
    for target in targets:
        if target.lifted is None:
            continue
        box = target.lifted.box
        pose = pose_of(box)
        text = f"{quoted(target.answer.text)} {target.answer.score:.2f}"
        markers.append(
            Marker(
                header=header,
                ns="box",
                id=target.query_id,
                type=Marker.CUBE,
                pose=pose,
                scale=Vector3(**{axis: max(0.001, float(s)) for axis, s in zip("xyz", box.size, strict=True)}),
                color=BOX_COLOUR,
            )
        )
        x, y, z = map(float, box.centre + box.axes[:, 2] * (box.size[2] / 2.0 + TEXT_SIZE))
        above = Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(w=1.0))
        markers.append(
            Marker(
                header=header,
                ns="text",
                id=target.query_id,
                type=Marker.TEXT_VIEW_FACING,
                pose=above,
                scale=Vector3(z=TEXT_SIZE),
                color=TEXT_COLOUR,
                text=text,
            )
        )
    return MarkerArray(markers=markers)


def cloud_message(things: Sequence[Lifted], header: Header) -> PointCloud2:
    """The visible surfaces of things: x, y, z in metres, and rgb."""
    points = np.zeros(sum(len(thing.points) for thing in things), _POINT)
    if things:
        colours = np.concatenate([thing.colours for thing in things]).astype(np.uint32)
        points["xyz"] = np.concatenate([thing.points for thing in things])
        points["rgb"] = colours[:, 0] << 16 | colours[:, 1] << 8 | colours[:, 2]
    names = ("x", "y", "z", "rgb")
    return PointCloud2(
        header=header,
        height=1,
        width=len(points),
        fields=[
            PointField(name=name, offset=4 * place, datatype=PointField.FLOAT32, count=1)
            for place, name in enumerate(names)
        ],
        is_bigendian=False,
        point_step=_POINT.itemsize,
        row_step=points.nbytes,
        data=array.array("B", points.tobytes()),
        is_dense=True,
    )


def _quaternion(box: OrientedBox) -> Quaternion:
    turn = cv2.Rodrigues(np.asarray(box.axes, np.float64))[0][:, 0]  # its axis, as long as the angle in radians
    angle = float(np.linalg.norm(turn))
    x, y, z = map(float, turn * (np.sin(angle / 2.0) / angle if angle > 0.0 else 0.5))
    return Quaternion(x=x, y=y, z=z, w=float(np.cos(angle / 2.0)))
