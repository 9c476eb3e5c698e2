"""What the node places in space, with depth of the moment of the image and of no other."""

from __future__ import annotations

import struct
from collections.abc import Callable

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from geometry_msgs.msg import PoseStamped
from rclpy.event_handler import PublisherEventCallbacks
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
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

    def __init__(self, bench, latched: bool = False, on_misfit: Callable | None = None) -> None:
        self._bench = bench
        self._depth = bench.node.create_publisher(Image, "/camera/depth", 10)
        self._packed = bench.node.create_publisher(CompressedImage, "/camera/depth/compressedDepth", 10)
        durability = DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE
        self._info = bench.node.create_publisher(
            CameraInfo,
            "/camera/camera_info",
            QoSProfile(depth=10, durability=durability),
            event_callbacks=PublisherEventCallbacks(incompatible_qos=on_misfit),
        )
        self.answers: dict[type, list] = {PoseStamped: [], MarkerArray: [], PointCloud2: []}
        for kind, topic in ((PoseStamped, "pose"), (MarkerArray, "markers"), (PointCloud2, "cloud")):
            bench.node.create_subscription(kind, f"/refseg/{topic}", self.answers[kind].append, 50)

    def wait_for_node(self) -> None:
        self._bench.wait_for_node()
        self._bench.until(
            lambda: self._depth.get_subscription_count() and self._info.get_subscription_count(), "the subscriptions"
        )

    def send_depth(self, header: Header, lift: float = 0.0, size: tuple[int, int] = (240, 320)) -> None:
        depth = np.full(size, WALL + lift, np.float32)
        depth[48:144, 96:192] = PLATE + lift
        self._depth.publish(to_message(depth, "32FC1", header))

    def send_packed_depth(self, header: Header, encoding: str) -> None:
        """As compressed_depth_image_transport packs it: millimetres, or metres by their inverse."""
        self._packed.publish(
            CompressedImage(header=header, format=f"{encoding}; compressedDepth png", data=packed_depth(encoding))
        )

    def send_info(self, header: Header, focal: float = FOCAL, size: tuple[int, int] = (320, 240)) -> None:
        width, height = size
        info = CameraInfo(header=header, width=width, height=height, distortion_model="plumb_bob", d=[0.0] * 5)
        info.k = [focal, 0.0, 159.5, 0.0, focal, 119.5, 0.0, 0.0, 1.0]
        self._info.publish(info)

    def send_picture(self, header: Header) -> None:
        self._bench.images.publish(to_message(picture(), "rgb8", header))

    def result_of(self, header: Header, query: str = "red") -> Segmentation | None:
        return next((one for one in self._bench.results if one.header == header and one.query == query), None)

    def result_where(self, send: Callable[[Header], None], suits: Callable[[Segmentation], bool]) -> Segmentation:
        """Send again and again, each time under a new header, until an answer to one of these suits."""
        shown: list[Header] = []

        def look() -> Segmentation | None:
            shown.append(self._bench.header())
            send(shown[-1])
            self._bench.listen(0.2)
            results = (self.result_of(header) for header in shown)
            return next((one for one in results if one is not None and suits(one)), None)

        return self._bench.until(look, "an answer as it is wanted")


def packed_depth(encoding: str) -> bytes:
    depth = np.full((240, 320), WALL)
    depth[48:144, 96:192] = PLATE
    if encoding == "16UC1":
        header, stored = bytes(12), depth * 1000.0
    else:
        a, farthest = 100.0 * 101.0, 10.0
        b = 1.0 - a / farthest
        header, stored = struct.pack("<iff", 0, a, b), a / depth + b
    return header + cv2.imencode(".png", np.round(stored).astype(np.uint16))[1].tobytes()


def plate_of(focal: float) -> tuple[float, float, float]:
    """Where the middle of the plate is, through a lens."""
    return (143.5 - 159.5) / focal * PLATE, (95.5 - 119.5) / focal * PLATE, PLATE


def position_of(result: Segmentation) -> tuple[float, float, float]:
    position = result.placement.pose.position
    return position.x, position.y, position.z


SETTINGS = dict(threads=1, query="red; green", depth_topic="/camera/depth", camera_info_topic="/camera/camera_info")


@pytest.fixture
def camera(start, bundle_folder, bench) -> DepthCamera:
    start("segment_node", model=str(bundle_folder), **SETTINGS)
    camera = DepthCamera(bench)
    camera.wait_for_node()
    return camera


def test_a_found_thing_is_placed_by_the_depth_of_its_own_moment(camera, bench) -> None:
    shown: list[Header] = []

    def placed() -> Segmentation | None:
        header = bench.header()
        shown.append(header)
        camera.send_info(header)
        camera.send_depth(header)
        camera.send_picture(header)
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
    assert np.allclose(position_of(result), plate_of(FOCAL), atol=0.015)
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

    def send(header: Header) -> None:
        camera.send_info(header)
        camera.send_depth(header, size=(120, 320))
        camera.send_picture(header)

    assert not camera.result_where(send, lambda one: "320x120" in one.placement.reason).placement.known
    assert bench.answer(picture(), "red").verdict == Segmentation.FOUND


def test_the_lens_is_that_of_the_moment_of_the_image(camera, bench) -> None:
    """A lens that zooms: the calibrations of other moments, which come later, would put the plate elsewhere."""

    def send(header: Header) -> None:
        camera.send_info(header, focal=150.0)
        camera.send_depth(header)
        camera.send_picture(header)
        bench.listen(0.2)
        bench.clock += 0.5
        camera.send_info(bench.header(), focal=FOCAL)
        bench.clock += 0.5

    result = camera.result_where(send, lambda one: one.placement.known)
    assert np.allclose(position_of(result), plate_of(150.0), atol=0.02)


def test_a_calibration_that_is_sent_once_holds_for_images_of_its_size(camera, bench) -> None:
    def send(header: Header) -> None:
        camera.send_depth(header)
        camera.send_picture(header)

    camera.result_where(send, lambda one: "no camera_info came on /camera/camera_info" in one.placement.reason)
    camera.send_info(bench.header(), focal=200.0, size=(640, 480))
    assert not camera.result_where(
        send, lambda one: "camera_info is for 640x480 pixels, the image has 320x240" in one.placement.reason
    ).placement.known
    bench.until(lambda: _sent_until_known(camera, bench, send), "a place by the calibration that fits")
    # One of another size, which comes last, changes nothing; one of another size and of the same moment is the truth.
    camera.send_info(bench.header(), focal=200.0, size=(640, 480))
    bench.clock += 1000.0
    result = camera.result_where(send, lambda one: one.placement.known)
    assert np.allclose(position_of(result), plate_of(FOCAL), atol=0.015)

    def send_wrong(header: Header) -> None:
        camera.send_info(header, size=(640, 480))
        send(header)

    assert not camera.result_where(send_wrong, lambda one: "640x480" in one.placement.reason).placement.known


def _sent_until_known(camera: DepthCamera, bench, send: Callable[[Header], None]) -> bool:
    """Send a calibration, which may be lost, and one image; tell whether that was placed."""
    camera.send_info(bench.header())
    bench.listen(0.2)
    header = bench.header()
    send(header)
    bench.listen(0.3)
    result = camera.result_of(header)
    return result is not None and result.placement.known


def test_a_calibration_that_was_sent_before_the_node_began_counts(start, bundle_folder, bench) -> None:
    camera = DepthCamera(bench, latched=True)
    camera.send_info(bench.header())
    node = start("segment_node", model=str(bundle_folder), **SETTINGS)
    camera.wait_for_node()

    def send(header: Header) -> None:
        camera.send_depth(header)
        camera.send_picture(header)

    result = camera.result_where(send, lambda one: one.placement.known)
    assert np.allclose(position_of(result), plate_of(FOCAL), atol=0.015)
    assert "incompatible" not in node.log.read_text()


def test_a_publisher_that_keeps_nothing_has_no_reason_to_warn(start, bundle_folder, bench) -> None:
    asked: list[object] = []
    camera = DepthCamera(bench, on_misfit=asked.append)
    node = start("segment_node", model=str(bundle_folder), **SETTINGS)
    camera.wait_for_node()
    bench.answer(picture(), "red")
    bench.listen(2.5)
    assert not asked
    assert "incompatible" not in node.log.read_text()


def test_compressed_depth_places_as_raw_depth_does(start, bundle_folder, bench) -> None:
    camera = DepthCamera(bench)
    start("segment_node", model=str(bundle_folder), image_transport="compressed", **SETTINGS)
    pictures = bench.node.create_publisher(CompressedImage, "/camera/image_raw/compressed", 10)
    bench.until(lambda: pictures.get_subscription_count(), "the node")
    shown = cv2.imencode(".png", picture()[..., ::-1])[1].tobytes()

    def send(encoding: str) -> Callable[[Header], None]:
        def one(header: Header) -> None:
            camera.send_info(header)
            camera.send_packed_depth(header, encoding)
            pictures.publish(CompressedImage(header=header, format="png", data=shown))

        return one

    for encoding in ("16UC1", "32FC1"):
        result = camera.result_where(send(encoding), lambda one: one.placement.known)
        assert np.allclose(position_of(result), plate_of(FOCAL), atol=0.015)
    # The transport is live: depth comes raw from here on, too.
    assert bench.parameters.wait_for_services(30)
    set_ = bench.call(bench.parameters.set_parameters([Parameter("image_transport", value="raw")])).results[0]
    assert set_.successful
    camera.wait_for_node()

    def send_raw(header: Header) -> None:
        camera.send_info(header)
        camera.send_depth(header)
        camera.send_picture(header)

    camera.result_where(send_raw, lambda one: one.placement.known)
    unheard = bench.until(lambda: not camera._packed.get_subscription_count(), "the end of the subscription")
    assert unheard


def test_depth_needs_a_calibration(start, bundle_folder) -> None:
    node = start("segment_node", model=str(bundle_folder), depth_topic="/camera/depth")
    assert node.process.wait(60) == 1
    assert "depth_topic and camera_info_topic are wanted both" in node.tail()
