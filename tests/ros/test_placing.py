"""What the node places in space, with depth of the moment of the image and of no other."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from refseg_ros.images import to_message
from refseg_ros.msg import Segmentation
from tests.ros.bench import picture

FOCAL = 300.0
PLATE, WALL = 0.9, 1.0
"""Depth of the red square of `picture` and of all around it, metres: a plate that is held in front of a wall."""


class DepthCamera:
    """Publishes colour, depth and calibration, each when it is told to."""

    def __init__(self, bench) -> None:
        self._bench = bench
        self._depth = bench.node.create_publisher(Image, "/camera/depth", 10)
        self._info = bench.node.create_publisher(CameraInfo, "/camera/camera_info", 10)
        self.answers: dict[type, list] = {PoseStamped: [], MarkerArray: [], PointCloud2: []}
        for kind, topic in ((PoseStamped, "pose"), (MarkerArray, "markers"), (PointCloud2, "cloud")):
            bench.node.create_subscription(kind, f"/refseg/{topic}", self.answers[kind].append, 50)
        bench.wait_for_node()
        bench.until(
            lambda: self._depth.get_subscription_count() and self._info.get_subscription_count(), "the subscriptions"
        )

    def send_depth(self, header: Header, lift: float = 0.0, size: tuple[int, int] = (240, 320)) -> None:
        depth = np.full(size, WALL + lift, np.float32)
        depth[48:144, 96:192] = PLATE + lift
        self._depth.publish(to_message(depth, "32FC1", header))

    def send_info(self, header: Header) -> None:
        info = CameraInfo(header=header, width=320, height=240, distortion_model="plumb_bob", d=[0.0] * 5)
        info.k = [FOCAL, 0.0, 159.5, 0.0, FOCAL, 119.5, 0.0, 0.0, 1.0]
        self._info.publish(info)

    def result_of(self, header: Header, query: str = "red") -> Segmentation | None:
        return next((one for one in self._bench.results if one.header == header and one.query == query), None)


@pytest.fixture
def camera(start, bundle_folder, bench) -> DepthCamera:
    start(
        "segment_node",
        model=str(bundle_folder),
        threads=1,
        query="red; green",
        depth_topic="/camera/depth",
        camera_info_topic="/camera/camera_info",
    )
    return DepthCamera(bench)


def test_a_found_thing_is_placed_by_the_depth_of_its_own_moment(camera, bench) -> None:
    shown: list[Header] = []

    def placed() -> Segmentation | None:
        header = bench.header()
        shown.append(header)
        camera.send_info(header)
        camera.send_depth(header)
        bench.images.publish(to_message(picture(), "rgb8", header))
        bench.listen(0.2)
        # Of other moments, half a second away: taken for this one, they would put the plate elsewhere.
        bench.clock += 0.5
        camera.send_depth(bench.header(), lift=3.0)
        bench.clock += 0.5
        results = (camera.result_of(header) for header in shown)
        return next((result for result in results if result is not None and result.placement.known), None)

    result = bench.until(placed, "a thing in space")
    place = result.placement
    assert place.reason == ""
    assert place.valid_depth == 1.0
    assert not place.supported
    middle = ((143.5 - 159.5) / FOCAL * PLATE, (95.5 - 119.5) / FOCAL * PLATE, PLATE)
    position = place.pose.position
    assert np.allclose((position.x, position.y, position.z), middle, atol=0.015)
    side = 96 / FOCAL * PLATE
    assert side - 0.02 < place.size.x < 1.5 * side
    assert place.size.z < 0.01
    nothing = camera.result_of(result.header, "green")
    assert nothing.verdict == Segmentation.NOT_FOUND
    assert (nothing.placement.known, nothing.placement.reason) == (False, "")

    poses, markers, clouds = (
        bench.until(
            lambda kind=kind, header=header: [one for one in camera.answers[kind] if header(one) == result.header],
            kind.__name__,
        )
        for kind, header in (
            (PoseStamped, lambda one: one.header),
            (MarkerArray, lambda one: one.markers[0].header),
            (PointCloud2, lambda one: one.header),
        )
    )
    assert [pose.pose for pose in poses] == [place.pose]
    assert [marker.action for marker in markers[0].markers][:2] == [Marker.DELETEALL, Marker.ADD]
    assert clouds[0].width > 1000


def test_why_a_thing_is_not_placed_is_said(camera, bench) -> None:
    result = bench.answer(picture(), "red")
    assert result.verdict == Segmentation.FOUND
    assert not result.placement.known
    assert "no depth image came within 0.02 s" in result.placement.reason

    def placement_with(size: tuple[int, int], words: str) -> Segmentation:
        shown: list[Header] = []

        def look() -> Segmentation | None:
            header = bench.header()
            shown.append(header)
            camera.send_info(header)
            camera.send_depth(header, size=size)
            bench.images.publish(to_message(picture(), "rgb8", header))
            bench.listen(0.2)
            results = (camera.result_of(header) for header in shown)
            return next((one for one in results if one is not None and words in one.placement.reason), None)

        return bench.until(look, f"a reason with {words!r}")

    assert not placement_with((120, 320), "320x120").placement.known
    assert bench.answer(picture(), "red").verdict == Segmentation.FOUND


def test_depth_needs_a_calibration(start, bundle_folder) -> None:
    node = start("segment_node", model=str(bundle_folder), depth_topic="/camera/depth")
    assert node.process.wait(60) == 1
    assert "depth_topic and camera_info_topic are wanted both" in node.tail()
