"""A camera with depth and calibration for the tests, which shows a plate that is held in front of a wall."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable

import cv2
import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.event_handler import PublisherEventCallbacks
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from refseg_ros.images.messages import to_message
from refseg_ros.msg import Segmentation
from tests.ros.bench import picture

FOCAL = 300.0
LEFT = 96
"""First column of the red square of `picture`."""
PLATE, WALL = 0.9, 1.0
"""Depth of the red square of `picture` and of all around it, metres: a plate that is held in front of a wall."""


class DepthCamera:
    """Publishes colour, depth and calibration, each when it is told to."""

    def __init__(self, bench, latched: bool = False, on_misfit: Callable | None = None) -> None:
        self._bench = bench
        self.projection = FOCAL
        """Focal length in P of the calibration, for rectified images."""
        self._depth = bench.node.create_publisher(Image, "/camera/depth", 10)
        self.packed = bench.node.create_publisher(CompressedImage, "/camera/depth/compressedDepth", 10)
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

    def send_depth(
        self, header: Header, lift: float = 0.0, size: tuple[int, int] = (240, 320), left: int = LEFT
    ) -> None:
        """All of it further away by `lift`; the plate begins at column `left`."""
        depth = np.full(size, WALL + lift, np.float32)
        depth[48:144, left : left + 96] = PLATE + lift
        self._depth.publish(to_message(depth, "32FC1", header))

    def send_packed_depth(self, header: Header, encoding: str) -> None:
        """As compressed_depth_image_transport packs it: millimetres, or metres by their inverse."""
        self.packed.publish(
            CompressedImage(header=header, format=f"{encoding}; compressedDepth png", data=packed_depth(encoding))
        )

    def send_info(self, header: Header, focal: float = FOCAL, size: tuple[int, int] = (320, 240)) -> None:
        width, height = size
        info = CameraInfo(header=header, width=width, height=height, distortion_model="plumb_bob", d=[0.0] * 5)
        info.k = [focal, 0.0, 159.5, 0.0, focal, 119.5, 0.0, 0.0, 1.0]
        info.p = [self.projection, 0.0, 159.5, 0.0, 0.0, self.projection, 119.5, 0.0, 0.0, 0.0, 1.0, 0.0]
        self._info.publish(info)

    def send_picture(self, header: Header, left: int = LEFT) -> None:
        self._bench.images.publish(to_message(np.roll(picture(), left - LEFT, axis=1), "rgb8", header))

    def send(self, header: Header, lift: float = 0.0, left: int = LEFT) -> None:
        """Everything of one moment."""
        self.send_info(header)
        self.send_depth(header, lift, left=left)
        self.send_picture(header, left)

    def answer_to(self, header: Header, seconds: float = 2.0) -> Segmentation | None:
        """The answer to the image of a header; None where it was lost on the way."""
        end = time.monotonic() + seconds
        while (found := self.result_of(header)) is None and time.monotonic() < end:
            self._bench.listen(0.02)
        return found

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
