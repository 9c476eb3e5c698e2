"""The node `camera`, for whoever has no camera driver: the simulator, a webcam, a video file or a folder of images."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from functools import partial

import rclpy
from builtin_interfaces.msg import Time
from rclpy.executors import ExternalShutdownException
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header, String

from refseg_ros.faults import FaultLog
from refseg_ros.images import to_message
from refseg_ros.node_config import CameraNodeConfig
from refseg_ros.parameters import ParameterError, Parameters, refuse_other_arguments
from refseg_ros.sources import Picture, SimulatedCamera, SourceError, open_source
from refseg_ros.transport import prefer_large_shared_memory
from refseg_ros.turning import turn

NANOSECONDS = 1_000_000_000
MARGIN = 1.1
"""A source that is slower than the wanted rate gets this much more time than its last picture took."""


class CameraNode(Node):
    """Publishes the pictures of one source, all messages of a picture under the same stamp.

    Publishers (relative, in namespace /camera by default; reliable, which sensor-data subscribers can hear too):
        image_raw (sensor_msgs/Image): rgb8.
        camera_info (sensor_msgs/CameraInfo): all zeros in `k` where the camera is not calibrated.
        depth (sensor_msgs/Image): 32FC1, metres; simulated, and made only while someone listens.
        labels (sensor_msgs/Image): mono8, the number of the object that a pixel shows; simulated.
        truth (std_msgs/String): JSON with "stamp" ([seconds, nanoseconds]), "seed" and "objects"; simulated.

    Parameters: those of `CameraNodeConfig`.

    Raises:
        ParameterError: a parameter at the start is not usable.
        SourceError: the source does not open.
    """

    def __init__(self) -> None:
        super().__init__("camera", namespace="/camera")
        self._settings = Parameters(self, CameraNodeConfig, self._on_change)
        self._config = self._settings.config
        self._faults = FaultLog(self.get_logger().error)
        config = self._config
        self._source = open_source(
            config.source,
            loop=config.loop,
            width=config.width,
            height=config.height,
            seed=config.seed,
            split=config.split,
            scene_seconds=config.scene_seconds,
        )
        qos = QoSProfile(depth=10)
        self._image = self.create_publisher(Image, "image_raw", qos)
        self._info = self.create_publisher(CameraInfo, "camera_info", qos)
        self._depth = self.create_publisher(Image, "depth", qos)
        self._labels = self.create_publisher(Image, "labels", qos)
        self._truth = self.create_publisher(String, "truth", qos)
        self.get_logger().info(f"camera of source {ascii(config.source)} publishes {self._image.topic_name}")

    def run(self) -> None:
        """Publish until the context is shut down or the source has no more.

        A picture is made ahead of its time and published at it, so that its stamp is the moment that it shows, however
        long the source took to make it.

        Raises:
            SourceError: the source broke down.
        """
        step = 0.0
        due = time.time()
        while rclpy.ok(context=self.context):
            began = time.monotonic()
            picture = self._source.read(step, depth=self._depth.get_subscription_count() > 0)
            if picture is None:
                self.get_logger().info(f"camera source {ascii(self._config.source)} is at its end")
                return
            spent = time.monotonic() - began
            due += step
            while rclpy.ok(context=self.context) and (left := due - time.time()) > 0:
                self._turn(min(left, 0.1))
            self._turn(0.0)
            if not rclpy.ok(context=self.context):
                return
            due = max(due, time.time() - step)
            self._publish(picture, due)
            step = max(1.0 / min(self._config.rate, self._source.highest_rate), spent * MARGIN)

    def _turn(self, seconds: float) -> None:
        """Wait so long at most for a message or a call, and serve it."""
        turn(partial(rclpy.spin_once, self, timeout_sec=seconds), self._faults.note)

    def close(self) -> None:
        """Give the source back."""
        self._source.close()

    def _publish(self, picture: Picture, moment: float) -> None:
        seconds, nanoseconds = divmod(round(moment * NANOSECONDS), NANOSECONDS)
        header = Header(stamp=Time(sec=seconds, nanosec=nanoseconds), frame_id=self._config.frame_id)
        self._image.publish(to_message(picture.rgb, "rgb8", header))
        self._info.publish(_camera_info(picture, header))
        if picture.labels is not None:
            self._labels.publish(to_message(picture.labels, "mono8", header))
        if picture.truth is not None:
            self._truth.publish(String(data=json.dumps({"stamp": [seconds, nanoseconds], **picture.truth})))
        if picture.depth is not None:
            self._depth.publish(to_message(picture.depth, "32FC1", header))

    def _on_change(self, config: CameraNodeConfig, names: frozenset[str]) -> None:
        self._config = config
        if "seed" in names and isinstance(self._source, SimulatedCamera):
            self._source.show(config.seed)


def _camera_info(picture: Picture, header: Header) -> CameraInfo:
    """A camera without distortion, or one that is not calibrated."""
    height, width = picture.rgb.shape[:2]
    info = CameraInfo(header=header, height=height, width=width, distortion_model="plumb_bob")
    if picture.intrinsics is not None:
        lens = picture.intrinsics
        info.d = [0.0] * 5
        info.k = [lens.fx, 0.0, lens.cx, 0.0, lens.fy, lens.cy, 0.0, 0.0, 1.0]
        info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
        info.p = [lens.fx, 0.0, lens.cx, 0.0, 0.0, lens.fy, lens.cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    return info


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT, SIGTERM or the end of its source (exit code 0); exit code 1 when it cannot run."""
    prefer_large_shared_memory()
    rclpy.init(args=None if arguments is None else list(arguments))
    node = None
    try:
        refuse_other_arguments(arguments)
        node = CameraNode()
        node.run()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except (ParameterError, SourceError) as error:
        get_logger("camera").fatal(str(error))
        return 1
    except RuntimeError:  # of rclpy, when the signal came in the middle of something
        if rclpy.ok():
            raise
    finally:
        if node is not None:
            node.close()
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
