"""What the node places in space, with depth and lens of the moment of the image and of no other."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import CompressedImage, Image, PointCloud2
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from refseg_ros.msg import Segmentation
from refseg_ros.node.depth import Depth, DepthError, nanoseconds_of
from tests.ros.bench import picture
from tests.ros.depth_camera import FOCAL, PLATE, SETTINGS, DepthCamera, plate_of, position_of
from tests.ros.signals import ended_by
from tests.ros.test_diagnostics import Reader, values


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
    nothing = bench.until(lambda: camera.result_of(result.header, "green"), "the answer to the other expression")
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


def test_what_was_shown_is_taken_back_when_images_are_stale_and_when_nobody_asks(camera, bench) -> None:
    def shows(action: int) -> bool:
        return bool(markers) and markers[-1].markers[-1].action == action

    markers = camera.answers[MarkerArray]
    camera.result_where(camera.send, lambda one: one.placement.known)
    bench.until(lambda: shows(Marker.ADD), "the box of the thing")

    assert bench.set("max_frame_age", 1.0).successful  # the bench's stamps are old
    bench.show_until(picture(), lambda: shows(Marker.DELETEALL), "no box on a stale image")
    assert bench.set("max_frame_age", 0.0).successful
    camera.result_where(camera.send, lambda one: one.placement.known)
    bench.until(lambda: shows(Marker.ADD), "the box again")
    bench.ask("")
    bench.show_until(picture(), lambda: shows(Marker.DELETEALL), "no box without a query")


def test_a_signal_ends_a_node_that_has_shown_something_in_order(start, bundle_folder, bench) -> None:
    node = start("segment_node", model=str(bundle_folder), **SETTINGS)
    camera = DepthCamera(bench)
    camera.wait_for_node()
    camera.result_where(camera.send, lambda one: one.placement.known)
    assert ended_by(node) == 0
    assert "Traceback" not in node.log.read_text()


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

    def send_after_another(header: Header) -> None:
        camera.send_info(bench.header(), focal=200.0, size=(640, 480))
        send(header)

    assert not camera.result_where(
        send_after_another,
        lambda one: "camera_info is for 640x480 pixels, the image has 320x240" in one.placement.reason,
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
    set_ = bench.set("image_transport", "raw")
    assert set_.successful
    camera.wait_for_node()

    camera.result_where(camera.send, lambda one: one.placement.known)
    bench.until(lambda: not camera.packed.get_subscription_count(), "the end of the subscription")


def test_colour_may_come_compressed_and_depth_raw(start, bundle_folder, bench) -> None:
    camera = DepthCamera(bench)
    settings = dict(image_transport="compressed", depth_transport="raw", **SETTINGS)
    start("segment_node", model=str(bundle_folder), **settings)
    pictures = bench.node.create_publisher(CompressedImage, "/camera/image_raw/compressed", 10)
    bench.until(lambda: pictures.get_subscription_count(), "the node")
    shown = cv2.imencode(".png", picture()[..., ::-1])[1].tobytes()

    def send(header: Header) -> None:
        camera.send_info(header)
        camera.send_depth(header)
        pictures.publish(CompressedImage(header=header, format="png", data=shown))

    result = camera.result_where(send, lambda one: one.placement.known)
    assert np.allclose(position_of(result), plate_of(FOCAL), atol=0.015)


@pytest.mark.parametrize(
    ("topic", "rectified", "focal"),
    [
        ("/front/image_rect", "auto", 150.0),
        ("/front/image_raw", "auto", FOCAL),
        ("/front/image_rect", "no", FOCAL),
        ("/front/undistorted", "yes", 150.0),
    ],
)
def test_what_is_rectified_is_judged_after_remapping(start, bundle_folder, bench, topic, rectified, focal) -> None:
    """P of the calibration is another than K: which of them counts is seen in the place."""
    node = start(
        "segment_node", {"/camera/image_raw": topic}, model=str(bundle_folder), rectified=rectified, **SETTINGS
    )
    camera = DepthCamera(bench)
    bench.images = bench.node.create_publisher(Image, topic, 10)
    camera.projection = 150.0
    camera.wait_for_node()
    result = camera.result_where(camera.send, lambda one: one.placement.known)
    assert np.allclose(position_of(result), plate_of(focal), atol=0.02)
    assert f"waits for images on {topic}" in node.log.read_text()


def test_why_nothing_is_placed_is_shown_in_the_diagnostics(camera, bench) -> None:
    reader = Reader(bench)
    bench.answer(picture(), "red")
    told = reader.until("camera", lambda status, _: "nothing placed in space" in status.message, "the reason")
    assert told.level == DiagnosticStatus.WARN
    assert "no depth image came" in told.message and "no depth image came" in values(told)["not placed in space"]
    camera.result_where(camera.send, lambda one: one.placement.known)
    reader.until("camera", lambda _, told: told["not placed in space"] == "", "the end of the reason")


@pytest.mark.parametrize("lacking", ["depth_topic", "camera_info_topic"])
def test_what_nobody_publishes_is_named(start, bench, bundle_folder, lacking) -> None:
    start("segment_node", model=str(bundle_folder), **SETTINGS | {lacking: "/elsewhere"})
    camera = DepthCamera(bench)
    bench.wait_for_node()
    bench.until(lambda: bench.node.count_subscribers("/elsewhere"), "the node")
    reason = "on /elsewhere, and nobody publishes it: see " + lacking
    result = camera.result_where(camera.send, lambda one: reason in one.placement.reason)
    assert not result.placement.known


def test_a_lack_of_depth_is_no_fault_before_the_first_depth_image_and_calibration(bench, monkeypatch) -> None:
    depth = Depth(bench.node, "/camera/depth", "/camera/camera_info", 0.02, "raw")
    monkeypatch.setattr("refseg_ros.node.depth.BEGINNING", 3600.0)
    camera = DepthCamera(bench)
    header = bench.header()
    with pytest.raises(DepthError):
        depth.at(nanoseconds_of(header), (320, 240))
    assert not depth.is_settled

    def pair() -> object:
        camera.send_info(header)
        camera.send_depth(header)
        bench.listen(0.05)
        try:
            return depth.at(nanoseconds_of(header), (320, 240))
        except DepthError:
            return None

    bench.until(pair, "depth and calibration")
    assert depth.is_settled
    depth.close()
    monkeypatch.setattr("refseg_ros.node.depth.BEGINNING", 0.0)
    assert Depth(bench.node, "/other/depth", "/other/camera_info", 0.02, "raw").is_settled


def test_depth_that_never_comes_is_logged(start, bundle_folder, bench) -> None:
    node = start("segment_node", model=str(bundle_folder), **SETTINGS)
    bench.wait_for_node()
    bench.answer(picture(), "red")

    def logged() -> bool:
        bench.show(picture())
        bench.listen(0.1)
        return "nothing placed in space: no depth image came" in node.log.read_text()

    bench.until(logged, "the reason in the log")


def test_depth_needs_a_calibration(start, bundle_folder) -> None:
    node = start("segment_node", model=str(bundle_folder), depth_topic="/camera/depth")
    assert node.process.wait(60) == 1
    assert "only one of depth_topic and camera_info_topic is set; set both or neither" in node.tail()


def test_what_moves_along_the_optical_axis_is_not_stable(camera, bench) -> None:
    """In the image it stays where it is; 2 cm an image are seen by depth alone."""
    camera.result_where(camera.send, lambda one: one.placement.known)
    for number in range(12):
        header = bench.header()
        camera.send(header, lift=0.02 * number)
        result = camera.answer_to(header)
        assert result is None or not (result.stable and result.placement.known)
    still = 0.02 * 11
    result = bench.until(lambda: _stable_answer(camera, bench, still), "a thing that is stable")
    assert abs(result.placement.pose.position.z - PLATE - still) < 0.02


def _stable_answer(camera: DepthCamera, bench, lift: float) -> Segmentation | None:
    header = bench.header()
    camera.send(header, lift=lift)
    result = camera.answer_to(header)
    return result if result is not None and result.stable and result.placement.known else None
