"""What was lifted, as messages: read back, they say the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("sensor_msgs.msg", reason="ROS 2's messages are not installed")

from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, PointCloud2, RegionOfInterest
from std_msgs.msg import Header
from visualization_msgs.msg import Marker

from refseg_ros.answer import Answer, Box, Verdict
from refseg_ros.node import vision_messages
from refseg_ros.node.messages_3d import (
    Target,
    cloud_message,
    is_rectified,
    lens_of_message,
    marker_message,
    pose_message,
    size_of,
)
from refseg_ros.space.lifting import Lifted
from refseg_ros.space.oriented_box import OrientedBox
from refseg_ros.space.pinhole import LensError

HEADER = Header(frame_id="optical")
UPRIGHT = np.eye(3)
POINTS = np.array([[0.1, -0.2, 0.5], [0.3, 0.4, 0.6]], np.float32)
COLOURS = np.array([[250, 10, 20], [0, 255, 1]], np.uint8)


def rotation(turn: np.ndarray) -> np.ndarray:
    """By the series of the matrix exponential, which no helper of the code uses."""
    x, y, z = turn
    skew = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    term, total = np.eye(3), np.eye(3)
    for power in range(1, 40):
        term = term @ skew / power
        total = total + term
    return total


def lifted(axes: np.ndarray = UPRIGHT) -> Lifted:
    box = OrientedBox(np.array([0.1, 0.2, 0.8]), axes, np.array([0.12, 0.08, 0.05]))
    return Lifted(box, True, 0.9, POINTS, COLOURS)


def target(number: int, verdict: Verdict = Verdict.FOUND, thing: Lifted | None = None) -> Target:
    answer = Answer(
        text="the red mug\n\N{SNOWMAN}",
        verdict=verdict,
        score=0.75,
        mask=np.zeros((4, 4), np.uint8),
        box=Box(1, 2, 3, 4),
        words=(),
        word_attention=np.zeros((0, 0), np.float32),
        unknown_words=(),
        truncated_words=(),
    )
    return Target(number, answer, thing)


def axes_of(quaternion) -> np.ndarray:
    """The rotation that a unit quaternion is."""
    x, y, z, w = quaternion.x, quaternion.y, quaternion.z, quaternion.w
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


@settings(deadline=None)
@given(st.tuples(*[st.floats(-2.0, 2.0)] * 3))
def test_the_pose_has_the_axes_of_the_box(turn: tuple[float, float, float]) -> None:
    axes = rotation(np.array(turn))
    message = pose_message(lifted(axes).box, HEADER)
    assert message.header is HEADER
    # OpenCV takes a turn of less than 1e-5 rad for none.
    np.testing.assert_allclose(axes_of(message.pose.orientation), axes, atol=2e-5)
    assert (message.pose.position.x, message.pose.position.y, message.pose.position.z) == (0.1, 0.2, 0.8)


@pytest.mark.parametrize("diagonal", [(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)])
def test_half_turns_too(diagonal: tuple[int, int, int]) -> None:
    axes = np.diag(np.array(diagonal, float))
    np.testing.assert_allclose(axes_of(pose_message(lifted(axes).box, HEADER).pose.orientation), axes, atol=1e-9)


def test_the_cloud_holds_points_and_colours() -> None:
    message = deserialize_message(serialize_message(cloud_message([lifted(), lifted()], HEADER)), PointCloud2)
    assert (message.height, message.width, message.point_step, message.row_step) == (1, 4, 16, 64)
    assert [field.name for field in message.fields] == ["x", "y", "z", "rgb"]
    rows = np.frombuffer(bytes(message.data), [("xyz", "<f4", 3), ("bgra", "u1", 4)])
    np.testing.assert_array_equal(rows["xyz"], np.concatenate([POINTS, POINTS]))
    np.testing.assert_array_equal(rows["bgra"][:, 2::-1], np.concatenate([COLOURS, COLOURS]))


def test_nothing_makes_an_empty_cloud_and_markers_that_delete() -> None:
    cloud = cloud_message([], HEADER)
    assert (cloud.width, len(cloud.data), cloud.header) == (0, 0, HEADER)
    (marker,) = marker_message([target(1)], HEADER).markers
    assert marker.action == Marker.DELETEALL


def test_markers_show_box_and_expression_escaped() -> None:
    _, box, text = marker_message([target(7, thing=lifted())], HEADER).markers
    assert (box.type, box.ns, box.id, box.scale) == (Marker.CUBE, "box", 7, size_of(lifted().box))
    assert text.type == Marker.TEXT_VIEW_FACING
    assert text.text == "'the red mug\\n\\u2603' 0.75"
    assert text.pose.position.z > box.pose.position.z


def camera_info(**fields) -> CameraInfo:
    info = CameraInfo(width=640, height=480, distortion_model="plumb_bob", d=[0.1, 0.0, 0.0, 0.0, 0.0])
    info.k = [500.0, 0.0, 320.0, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0]
    info.p = [400.0, 0.0, 300.0, 0.0, 0.0, 410.0, 200.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    for name, value in fields.items():
        setattr(info, name, value)
    return info


def test_raw_images_have_k_and_d_and_rectified_ones_p() -> None:
    raw, rectified = lens_of_message(camera_info()), lens_of_message(camera_info(), rectified=True)
    assert (raw.fx, raw.fy, raw.cx, raw.cy, raw.is_distorted) == (500.0, 510.0, 320.0, 240.0, True)
    assert (rectified.fx, rectified.fy, rectified.cx, rectified.cy) == (400.0, 410.0, 300.0, 200.0)
    assert not rectified.is_distorted
    assert is_rectified("/camera/image_rect_color") and is_rectified("image_rect")
    assert is_rectified("/camera/image_rect/compressed")
    assert not is_rectified("/image_rect/image_raw") and not is_rectified("compressed")


def test_rectified_images_of_a_camera_without_distortion_need_no_p() -> None:
    lens = lens_of_message(camera_info(p=[0.0] * 12, d=[0.0] * 5), rectified=True)
    assert (lens.fx, lens.fy, lens.cx, lens.cy) == (500.0, 510.0, 320.0, 240.0)
    with pytest.raises(LensError, match="P of camera_info is all zeros"):
        lens_of_message(camera_info(p=[0.0] * 12), rectified=True)


def test_binning_and_region_count() -> None:
    region = RegionOfInterest(x_offset=100, y_offset=40, width=400, height=200)
    lens = lens_of_message(camera_info(roi=region, binning_x=2, binning_y=2))
    assert (lens.width, lens.height, lens.fx) == (200, 100, 250.0)
    np.testing.assert_allclose((lens.cx, lens.cy), (109.75, 99.75))


@pytest.mark.parametrize("fault", [dict(k=[0.0] * 9), dict(width=0), dict(distortion_model="mine"), dict(d=[0.1] * 3)])
def test_a_camera_that_is_not_calibrated_is_refused(fault: dict) -> None:
    with pytest.raises(LensError):
        lens_of_message(camera_info(**fault))


def test_detections_hold_what_was_found() -> None:
    if not vision_messages.AVAILABLE:
        pytest.skip("vision_msgs is not installed")
    targets = [target(3, thing=lifted()), target(4), target(5, Verdict.UNCERTAIN, lifted())]
    flat, solid = (make(targets, HEADER) for make in (vision_messages.detections_2d, vision_messages.detections_3d))
    assert [detection.id for detection in flat.detections] == ["3", "4"]
    assert [detection.id for detection in solid.detections] == ["3"]
    box = flat.detections[0].bbox
    assert (box.center.position.x, box.center.position.y, box.size_x, box.size_y) == (2.5, 4.0, 3.0, 4.0)
    for detection in (*flat.detections, *solid.detections):
        assert detection.results[0].hypothesis.class_id == targets[0].answer.text
        assert detection.results[0].hypothesis.score == 0.75
        assert detection.header == HEADER
    assert solid.detections[0].bbox.size == size_of(lifted().box)
    assert solid.detections[0].results[0].pose.pose == pose_message(lifted().box, HEADER).pose
    for message in (flat, solid):
        assert deserialize_message(serialize_message(message), type(message)) == message
    assert not vision_messages.detections_2d([], HEADER).detections
