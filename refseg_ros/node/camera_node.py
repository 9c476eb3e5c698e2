"""The node `camera`, for use without a camera driver: simulator, webcam, stream, video or pictures."""

from __future__ import annotations

import json
import time
from concurrent.futures import Future

from builtin_interfaces.msg import Time
from rclpy.clock import Clock, ClockType
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header, String

from refseg_ros.images.messages import to_message
from refseg_ros.media.live import Live
from refseg_ros.media.simulated_camera import SimulatedCamera
from refseg_ros.media.source import Picture, Source, SourceError
from refseg_ros.media.sources import open_source
from refseg_ros.ros.faults import FaultLog
from refseg_ros.ros.node_config import BY_SEED, CameraNodeConfig
from refseg_ros.ros.parameters import Parameters
from refseg_ros.ros.qos import OVERRIDABLE, warn_of_unused_overrides
from refseg_ros.ros.simulated_time import why_no_time
from refseg_ros.ros.spinning import spin
from refseg_ros.text import without_password

NANOSECONDS = 1_000_000_000
LOOK = 5.0
"""Seconds of real time from one check that somebody publishes /clock to the next."""
MARGIN = 1.1
"""A source that is too slow for the wanted rate gets so many times the time that its last picture took."""


class CameraNode(Node):
    """Publishes the pictures of one source. All messages of a picture have the same stamp, by the node's clock.

    With use_sim_time that clock is /clock: no picture comes before its first message, nor while it stands still. The
    log warns if nobody publishes it.

    Of a webcam or a stream the node takes the first picture that comes after one is due, and publishes it at once. Its
    stamp is the moment at which it reached this machine, by the same clock.

    Publishers (relative, in namespace /camera by default; reliable, which sensor-data subscribers can hear too):
        image_raw (sensor_msgs/Image): rgb8.
        camera_info (sensor_msgs/CameraInfo): `k` is all zeros if the camera is not calibrated.
        depth (sensor_msgs/Image): 32FC1, metres; simulated, and made only while someone listens.
        labels (sensor_msgs/Image): mono8, the number of the object that a pixel shows; simulated.
        truth (std_msgs/String): JSON with "stamp" ([seconds, nanoseconds]), "seed" and "objects"; simulated.

    Parameters: those of `CameraNodeConfig`, and the QoS of the topics (`qos_overrides`).

    Raises:
        ParameterError: a parameter at the start is not usable.
        SourceError: the source cannot be opened.
    """

    def __init__(
        self,
        *,
        context: Context | None = None,
        namespace: str = "/camera",
        parameter_overrides: list[Parameter] | None = None,
    ) -> None:
        """Open the source; pictures are published while `run` or an executor spins the node.

        Args:
            context: of ROS; None for the default one.
            namespace: of the node and its topics, unless the command line has another.
            parameter_overrides: values of parameters; they win over those of the command line.
        """
        super().__init__("camera", context=context, namespace=namespace, parameter_overrides=parameter_overrides)
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
            moving=_moving(config),
            scene_seconds=config.scene_seconds,
            objects=config.objects,
            warn=self.get_logger().warning,
            now=self._now,
        )
        self._shown = ascii(without_password(config.source))
        """The source, for the log."""
        self._image = self._publisher(Image, "image_raw")
        self._info = self._publisher(CameraInfo, "camera_info")
        self._depth = self._publisher(Image, "depth")
        self._labels = self._publisher(Image, "labels")
        self._truth = self._publisher(String, "truth")
        warn_of_unused_overrides(self)
        self._picture: Picture | None = None
        """The next one to be published."""
        self._step, self._spent = 0.0, 0.0
        """Seconds from the last picture to the next, and those that the next one took to make."""
        self._due = self._now()
        self._asked: Future[tuple[Picture, float]] = Future()
        """The next picture of a live source, and its moment."""
        self._came = self.create_guard_condition(self._on_live_picture)
        self._is_at_end = False
        self._failure: SourceError | None = None
        self._timer = self.create_timer(1.0 / NANOSECONDS, self._on_timer)
        self._no_time = ""
        """Why no time came at the last check, or empty."""
        self.create_timer(LOOK, self._on_look, clock=Clock(clock_type=ClockType.STEADY_TIME))
        by_clock = ", at the times on /clock" if self.get_parameter("use_sim_time").value else ""
        self.get_logger().info(f"camera of source {self._shown} publishes {self._image.topic_name}{by_clock}")

    def run(self) -> bool:
        """Spin until the context is shut down or the source has no more pictures.

        Raises:
            SourceError: the source broke down.
        """
        spin(self, self._refuse, lambda: not self._is_at_end)
        if self._failure is not None:
            raise self._failure
        return True

    def _publisher(self, kind: type, name: str) -> Publisher:
        return self.create_publisher(kind, name, QoSProfile(depth=10), qos_overriding_options=OVERRIDABLE)

    def _on_timer(self) -> None:
        """Publish the picture that is due."""
        if isinstance(self._source, Live):
            self._timer.cancel()  # until the picture has come
            self._asked = self._source.ask()
            self._asked.add_done_callback(lambda _: self._came.trigger())
        else:
            self._publish_and_make(self._source)

    def _on_live_picture(self) -> None:
        """Publish the picture that was asked for, and ask for the next one when it is due."""
        try:
            picture, moment = self._asked.result()
        except SourceError as error:
            self._fail(error)
            raise
        self._publish(picture, moment)
        now, step = self._now(), 1.0 / self._config.rate
        self._due = min(max(self._due + step, now), now + step)  # the clock may have jumped back
        self._wake_when_due()

    def _publish_and_make(self, source: Source) -> None:
        """Publish the picture that is due, and make the next one.

        A picture is made before it is due and published when it is due. So its stamp is the moment that it shows,
        however long the source took to make it.
        """
        if self._picture is not None:
            now = self._now()
            self._due = min(max(self._due, now - self._step), now)  # the clock may have jumped, also back
            self._publish(self._picture, self._due)
            self._step = max(1.0 / min(self._config.rate, source.highest_rate), self._spent * MARGIN)
        began = time.monotonic()
        try:
            self._picture = source.read(self._step, depth=self._depth.get_subscription_count() > 0)
        except SourceError as error:
            self._fail(error)
            raise
        if self._picture is None:
            self.get_logger().info(f"camera source {self._shown} is at its end")
            self._end()
            return
        self._spent = time.monotonic() - began
        self._due += self._step
        self._wake_when_due()

    def _wake_when_due(self) -> None:
        self._timer.timer_period_ns = max(1, round((self._due - self._now()) * NANOSECONDS))
        self._timer.reset()

    def _on_look(self) -> None:
        before, self._no_time = self._no_time, why_no_time(self)
        if self._no_time and not before:
            self.get_logger().warning(
                f"{self._no_time}, so no picture comes: start the simulator, ros2 bag play --clock, or set it to false"
            )

    def _now(self) -> float:
        """Seconds on the node's clock."""
        return float(self.get_clock().now().nanoseconds / NANOSECONDS)

    def _fail(self, error: SourceError) -> None:
        """End, so that `run` raises the error."""
        self._failure = error
        self._end()

    def _end(self) -> None:
        self._is_at_end = True
        self._timer.cancel()

    def _refuse(self, kind: str, reason: str) -> None:
        """Count a call that failed; a failure of the source is not counted, because `run` raises it."""
        if self._failure is None:
            self._faults.note(kind, reason)

    def close(self) -> bool:
        """Close the source; False if its thread is still waiting for a picture."""
        return self._source.close()

    def _publish(self, picture: Picture, moment: float) -> None:
        seconds, nanoseconds = divmod(round(moment * NANOSECONDS), NANOSECONDS)
        header = Header(stamp=Time(sec=seconds, nanosec=nanoseconds), frame_id=self._config.frame_id)
        self._image.publish(to_message(picture.rgb, "rgb8", header))
        self._info.publish(camera_info_of(picture, header))
        if picture.labels is not None:
            self._labels.publish(to_message(picture.labels, "mono8", header))
        if picture.truth is not None:
            self._truth.publish(String(data=json.dumps({"stamp": [seconds, nanoseconds], **picture.truth})))
        if picture.depth is not None:
            self._depth.publish(to_message(picture.depth, "32FC1", header))

    def _on_change(self, config: CameraNodeConfig, names: frozenset[str]) -> None:
        self._config = config
        if names & {"seed", "moving"} and isinstance(self._source, SimulatedCamera):
            self._source.show(_moving(config), config.seed if "seed" in names else None)


def _moving(config: CameraNodeConfig) -> bool | None:
    """See `SimulatedCamera.show`."""
    return None if config.moving == BY_SEED else config.moving == "yes"


def camera_info_of(picture: Picture, header: Header) -> CameraInfo:
    """The camera_info of a picture: without distortion, or not calibrated."""
    height, width = picture.rgb.shape[:2]
    info = CameraInfo(header=header, height=height, width=width, distortion_model="plumb_bob")
    if picture.intrinsics is not None:
        lens = picture.intrinsics
        info.d = [0.0] * 5
        info.k = [lens.fx, 0.0, lens.cx, 0.0, lens.fy, lens.cy, 0.0, 0.0, 1.0]
        info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
        info.p = [lens.fx, 0.0, lens.cx, 0.0, 0.0, lens.fy, lens.cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    return info
