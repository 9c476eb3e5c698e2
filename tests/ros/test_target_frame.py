"""Things in a frame of the robot's choice, by the transforms of the moment of the image, from /tf and /tf_static."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")
pytest.importorskip("tf2_msgs", reason="tf2_msgs is not installed")

from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped, Transform, TransformStamped
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from refseg_ros.msg import Segmentation
from tests.ros.depth_camera import FOCAL, LEFT, PLATE, SETTINGS, DepthCamera, plate_of, position_of

OPTICAL = "the optical frame"
MOUNT = (-0.5, 0.5, -0.5, 0.5)
"""The quaternion of every optical frame in a camera that looks along x, with z up (REP-103)."""
HEIGHT = 1.5
STEP = 40
"""Columns that the plate moves from image to image: whole cells of the mask; boxes overlap by less than half."""
RELIABLE = {
    f"qos_overrides.{topic}.subscription.reliability": "reliable"
    for topic in ("/camera/image_raw", "/camera/depth", "/camera/camera_info")
}
"""What a run of images takes if none may be lost."""


class Robot:
    """A base that moves in the map, and a camera on it that looks along the base's x axis."""

    def __init__(self, bench) -> None:
        self.camera = DepthCamera(bench)
        self._bench = bench
        self._moving = bench.node.create_publisher(TFMessage, "/tf", 100)
        kept = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._still = bench.node.create_publisher(TFMessage, "/tf_static", kept)
        self._still.publish(TFMessage(transforms=[transform("base", OPTICAL, Time(), (0.0, 0.0, HEIGHT), MOUNT)]))

    def wait_for_node(self) -> None:
        self.camera.wait_for_node()
        self._bench.until(
            lambda: self._moving.get_subscription_count() and self._still.get_subscription_count(), "the subscriptions"
        )

    def drive(self, header: Header, y: float) -> None:
        """Pass y at the moment of an image, at 10 m/s; half a second later it is far away."""
        moments = ((-0.01, y - 0.1), (0.01, y + 0.1), (0.5, y + 100.0))
        items = [transform("map", "base", later(header.stamp, seconds), (2.0, at, 0.0)) for seconds, at in moments]
        self._moving.publish(TFMessage(transforms=items))


def transform(parent: str, child: str, stamp: Time, place, turn=(0.0, 0.0, 0.0, 1.0)) -> TransformStamped:
    item = TransformStamped(header=Header(stamp=stamp, frame_id=parent), child_frame_id=child, transform=Transform())
    item.transform.translation.x, item.transform.translation.y, item.transform.translation.z = place
    rotation = item.transform.rotation
    rotation.x, rotation.y, rotation.z, rotation.w = turn
    return item


def later(stamp: Time, seconds: float) -> Time:
    moment = stamp.sec * 1_000_000_000 + stamp.nanosec + round(seconds * 1e9)
    return Time(sec=moment // 1_000_000_000, nanosec=moment % 1_000_000_000)


@pytest.fixture
def robot(start, bundle_folder, bench) -> Robot:
    robot = Robot(bench)
    start("segment_node", model=str(bundle_folder), target_frame="map", stable_frames=4, **SETTINGS, **RELIABLE)
    robot.wait_for_node()
    return robot


def in_map(point, y: float) -> tuple[float, float, float]:
    """A point of the optical frame: ahead is the map's x, left its y, up its z."""
    right, down, ahead = point
    return 2.0 + ahead, y - right, HEIGHT - down


def test_things_are_where_they_were_at_the_moment_of_the_image(robot, bench) -> None:
    y = 3.0

    def send(header: Header) -> None:
        robot.drive(header, y)
        robot.camera.send(header)
        bench.clock += 1.0

    result = robot.camera.result_where(send, lambda one: one.placement.known)
    place = result.placement
    assert (result.header.frame_id, place.frame_id) == (OPTICAL, "map")
    assert np.allclose(position_of(result), in_map(plate_of(FOCAL), y), atol=0.015)
    # Its thin side looks along the map's x axis, as the camera does.
    quaternion = np.array([getattr(place.pose.orientation, axis) for axis in "wxyz"])
    assert np.linalg.norm(quaternion) == pytest.approx(1.0)
    *_, thin = columns_of(quaternion)
    assert abs(thin[0]) > 0.99
    poses, markers, clouds = (
        bench.until(
            lambda kind=kind, header=header: [
                one for one in robot.camera.answers[kind] if header(one).stamp == result.header.stamp
            ],
            kind.__name__,
        )
        for kind, header in (
            (PoseStamped, lambda one: one.header),
            (MarkerArray, lambda one: one.markers[0].header),
            (PointCloud2, lambda one: one.header),
        )
    )
    assert (poses[0].header.frame_id, poses[0].pose) == ("map", place.pose)
    assert {marker.header.frame_id for marker in markers[0].markers} == {"map"}
    assert clouds[0].header.frame_id == "map"
    points = np.frombuffer(clouds[0].data, np.float32).reshape(-1, 4)[:, :3]
    assert np.allclose(points[:, 0], 2.0 + PLATE, atol=0.001)
    assert np.allclose(points.mean(axis=0), in_map(plate_of(FOCAL), y), atol=0.015)


def columns_of(quaternion: np.ndarray) -> list[np.ndarray]:
    """The axes that a rotation (w, x, y, z) makes of x, y and z: q v q*, as a product of quaternions."""

    def product(one, other):
        (a, u), (b, v) = (one[0], one[1:]), (other[0], other[1:])
        return np.concatenate([[a * b - u @ v], a * v + b * u + np.cross(u, v)])

    back = quaternion * [1, -1, -1, -1]
    return [product(product(quaternion, np.concatenate([[0.0], axis])), back)[1:] for axis in np.eye(3)]


def test_a_transform_that_does_not_come_is_said_and_costs_nothing_else(robot, bench) -> None:
    told = robot.camera.result_where(robot.camera.send, lambda one: "transform" in one.placement.reason)
    assert told.placement.reason == "no transform names a frame 'map'"
    assert not told.placement.known and told.placement.frame_id == ""
    assert told.verdict == Segmentation.FOUND
    stable = robot.camera.result_where(robot.camera.send, lambda one: one.stable)
    assert not stable.placement.known

    def send(header: Header) -> None:
        robot.drive(header, 0.0)
        robot.camera.send(header)
        bench.clock += 1.0

    robot.camera.result_where(send, lambda one: one.placement.known)
    bench.clock += 10.0  # the transforms end here
    told = robot.camera.result_where(robot.camera.send, lambda one: "'map' to 'base' ends" in one.placement.reason)
    assert told.verdict == Segmentation.FOUND


def sweep(camera: DepthCamera, bench, robot: Robot | None = None) -> list[str]:
    """Move the camera to and fro beside a thing that stays, on a robot or without; what each image gave.

    The transforms are with the node before the images are sent: the middleware may bring one seconds late, which would
    begin the count of the images anew.
    """
    shown = [(bench.header(), LEFT + STEP * number) for number in (-2, -1, 0, 1, 2, 3, 2, 1, 0, -1)]
    if robot is not None:
        for header, left in shown:
            # The plate is this much further right in the image, so the camera is as much further left: at greater y.
            robot.drive(header, (left - LEFT) * PLATE / FOCAL)
        header, left = shown.pop()

        def arrived() -> bool:
            camera.send(header, left=left)
            bench.listen(0.2)
            return any(one.header == header and one.placement.known for one in bench.results)

        bench.until(arrived, "the last transform")
    given = []
    for header, left in shown:
        camera.send(header, left=left)
        result = camera.answer_to(header)
        if result is None:
            given.append("no answer")
        elif result.stable:
            assert result.placement.known
            given.append("stable")
        else:
            given.append(result.placement.reason or "placed")
    bench.clock += 1.0
    return given


def test_what_stays_in_the_map_is_stable_though_the_camera_moves(robot, bench) -> None:
    given = [sweep(robot.camera, bench, robot)]
    while "stable" not in given[-1] and len(given) < 10:  # on a busy machine depth may come too late for its image
        given.append(sweep(robot.camera, bench, robot))
    assert "stable" in given[-1], given


def test_in_the_frame_of_a_camera_that_moves_nothing_is_stable(start, bundle_folder, bench) -> None:
    camera = DepthCamera(bench)
    start("segment_node", model=str(bundle_folder), stable_frames=4, **SETTINGS, **RELIABLE)
    camera.wait_for_node()
    camera.result_where(camera.send, lambda one: one.placement.known and one.stable)
    given = sweep(camera, bench)
    assert "stable" not in given and "placed" in given, given


def test_hostile_transforms_are_counted_and_survived(start, bundle_folder, bench) -> None:
    robot = Robot(bench)
    node = start("segment_node", model=str(bundle_folder), target_frame="map", **SETTINGS)
    robot.wait_for_node()
    nonsense = [
        transform("map", "map", Time(), (0.0, 0.0, 0.0)),
        transform("", "", Time(), (0.0, 0.0, 0.0)),
        transform("map", "base", Time(), (float("nan"), 0.0, 0.0)),
        transform("\x1b[2J", "\N{SNOWMAN}" * 5000, Time(sec=-5), (1e300, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0)),
        transform(OPTICAL, "map", Time(), (0.0, 0.0, 0.0)),
    ]
    robot._moving.publish(TFMessage(transforms=nonsense))
    told = robot.camera.result_where(robot.camera.send, lambda one: not one.placement.known and one.placement.reason)
    assert told.verdict == Segmentation.FOUND
    node.check()
    log = node.log.read_text()
    assert "transform refused" in log
    assert "\x1b[2J" not in log


def test_a_frame_to_place_things_in_needs_depth(start, bundle_folder) -> None:
    node = start("segment_node", model=str(bundle_folder), target_frame="map")
    assert node.process.wait(60) == 1
    assert "target_frame is 'map'; it needs depth_topic, which is empty" in node.tail()
