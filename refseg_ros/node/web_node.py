"""The node `web`: what is said on the topics to the page, and what is done on the page to the topics."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.client import Client
from rclpy.clock import Clock, ClockType
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from rclpy.task import Future as RosFuture
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header, String

from refseg_ros.answer import Answer, Box, Verdict
from refseg_ros.engines.bundle import SHIPPED, Bundle
from refseg_ros.expression import MAX_CHARACTERS
from refseg_ros.files import expanded
from refseg_ros.images.messages import ImageError, to_array, to_depth, to_message, to_rgb
from refseg_ros.msg import Segmentation
from refseg_ros.node.depth import Depth, DepthError, nanoseconds_of
from refseg_ros.node.entities import forget_destroyed
from refseg_ros.node.image_transport import COLOUR
from refseg_ros.node.messages_3d import are_rectified, lens_of_message
from refseg_ros.node.queries import MOST_EXPRESSIONS, split
from refseg_ros.ros.faults import FaultLog
from refseg_ros.ros.node_config import CAMERA_MARK, depth_transport_of
from refseg_ros.ros.parameters import Parameters
from refseg_ros.ros.qos import OVERRIDABLE
from refseg_ros.ros.spinning import spin
from refseg_ros.space.pinhole import LensError
from refseg_ros.srv import SegmentImage
from refseg_ros.text import transportable
from refseg_ros.web.cloud import Cloud, cloud_of
from refseg_ros.web.config import WebConfig
from refseg_ros.web.diagnosis import Diagnosis
from refseg_ros.web.hub import Hub
from refseg_ros.web.lessons import Lessons
from refseg_ros.web.moment import Moment, Place, Sighting
from refseg_ros.web.server import Server

LOOK = 0.2
"""Seconds from one look whether somebody watches to the next."""


class WebNode(Node):
    """Serves the page. Images and answers are subscribed to only while a browser is open.

    Subscriptions (relative, in namespace /refseg by default, below the name of the camera where there are several):
        query (std_msgs/String): what is asked, by whomever.
        result (refseg_ros/Segmentation): the answers.
        the topic of `image_topic` (sensor_msgs/Image or CompressedImage): sensor-data QoS, depth 1.
        the topics of `depth_topic` and `camera_info_topic`: while the view in space is open.
        truth (std_msgs/String) and labels (sensor_msgs/Image), beside the images: of a simulated camera.
        /diagnostics (diagnostic_msgs/DiagnosticArray): those of the node segment are shown.

    Publishers:
        query (std_msgs/String, relative): what is asked on the page.

    Clients:
        segment/segment_image (refseg_ros/SegmentImage, relative): for proposals.
        set_parameters of the node `camera` beside the images: for new scenes of a simulated camera.

    Parameters: those of `WebConfig`.

    Raises:
        ParameterError: a parameter at the start is not usable.
        BundleError: the model bundle, of which the words are read, is missing or broken.
        AddressError: the page cannot be served at that address.
    """

    def __init__(self) -> None:
        super().__init__("web", namespace="/refseg")
        self._settings: Parameters[WebConfig] = Parameters(self, WebConfig, lambda config, names: None)
        config = self._settings.config
        self._faults = FaultLog(self.get_logger().error)
        words = Bundle.load(config.model or SHIPPED).vocabulary().words[2:]
        diagnosis = Diagnosis(f"{self.get_namespace().strip('/')}/segment".lstrip("/"))
        self._hub = Hub(config.cameras or ("",), words, diagnosis, Lessons(expanded(config.lessons)))
        self._query = self.create_publisher(String, "query", QoSProfile(depth=10))
        self._unanswered: String | None = None
        """What was asked on the page last, until there is an answer to it."""
        self._listeners = 0
        """How many heard the queries at the last look; this node itself is one of them."""
        self._segment_image: Client = self.create_client(SegmentImage, "segment/segment_image")
        self.create_subscription(String, "query", self._on_query, 10)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        self._watching = {
            name: _Watching(self, config, self._hub, name, self._on_answer, self._refuse) for name in self._hub.streams
        }
        self.create_timer(LOOK, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._server = Server(self._hub, self, config.host, config.port)
        self.get_logger().info(f"the page is at {self._server.address}")

    def run(self) -> bool:
        """Serve until the context is shut down."""
        executor = SingleThreadedExecutor(context=self.context)
        executor.add_node(self)
        self._server.start()
        try:
            while self.context.ok():
                spin(executor.spin_once, self._refuse, self.context)
        finally:
            executor.remove_node(self)
        return True

    def close(self) -> bool:
        """End the server; whether its thread has ended."""
        return self._server.stop()

    def ask(self, text: str) -> None:
        """See `Robot.ask`. Until there is an answer, it is said again to whoever comes to listen."""
        message = String(data=transportable(text, MAX_CHARACTERS))
        self._unanswered = message if split(message.data)[0] else None
        self._query.publish(message)

    def show_scene(self, camera: str, seed: int) -> None:
        """See `Robot.show_scene`."""
        self._watching[camera].set(Parameter("seed", value=seed))

    def set_moving(self, camera: str, moving: bool) -> None:
        """See `Robot.set_moving`."""
        self._watching[camera].set(Parameter("moving", value="yes" if moving else "no"))

    def proposals(self, rgb: npt.NDArray[np.uint8], text: str) -> Future[list[Answer]]:
        """See `Robot.proposals`; its result raises ConnectionError where the node is not there or refuses."""
        given: Future[list[Answer]] = Future()
        if not self._segment_image.service_is_ready():
            given.set_exception(ConnectionError("the node segment is not there"))
            return given

        def done(future: RosFuture) -> None:
            response = future.result()
            if response is None or not response.success:
                given.set_exception(ConnectionError(response.message if response else "no answer"))
            else:
                given.set_result([answer_of(result) for result in response.answers])

        image = to_message(rgb, "rgb8", Header())
        self._segment_image.call_async(SegmentImage.Request(image=image, query=text)).add_done_callback(done)
        return given

    def cloud(self, camera: str, moment: Moment) -> Cloud | None:
        """See `Robot.cloud`."""
        return self._watching[camera].cloud(moment)

    def now(self) -> float:
        """See `Robot.now`."""
        return float(self.get_clock().now().nanoseconds * 1e-9)

    def _look(self) -> None:
        before, self._listeners = self._listeners, self._query.get_subscription_count()
        if self._unanswered is not None and self._listeners > before:
            self._query.publish(self._unanswered)
        viewers = tuple(self._hub.viewers)
        for name, watching in self._watching.items():
            watching.open(
                any(viewer.camera == name for viewer in viewers),
                any(viewer.camera == name and viewer.with_space for viewer in viewers),
            )

    def _on_query(self, message: String) -> None:
        self._hub.note_query(message.data)
        if self._unanswered is not None and self._unanswered.data != message.data:
            self._unanswered = None  # somebody has asked something else since

    def _on_answer(self, expression: str) -> None:
        if self._unanswered is not None and expression in split(self._unanswered.data)[0]:
            self._unanswered = None

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self._hub.diagnosis.put((one.name, ord(one.level), one.message) for one in message.status)

    def _refuse(self, kind: str, reason: str) -> None:
        self._faults.note(kind, reason)


class _Watching:
    """The topics of one camera, open while somebody looks at it."""

    def __init__(
        self,
        node: Node,
        config: WebConfig,
        hub: Hub,
        name: str,
        on_answer: Callable[[str], object],
        refuse: Callable[[str, str], object],
    ) -> None:
        self._node, self._config, self._hub, self._name = node, config, hub, name
        self._on_answer, self._refuse = on_answer, refuse
        self._stream, self._truth = hub.streams[name], hub.truths[name]
        self._image_topic = config.image_topic.replace(CAMERA_MARK, name)
        self._beside = node.resolve_topic_name(self._image_topic).rpartition("/")[0]
        """Namespace of the camera's topics."""
        self._open: list[Subscription] = []
        self._depth: Depth | None = None
        self._camera = AsyncParameterClient(node, f"{self._beside}/camera")

    def open(self, watched: bool, in_space: bool) -> None:
        """Subscribe or unsubscribe, as is wanted."""
        if watched and not self._open:
            self._subscribe()
        elif not watched and self._open:
            for subscription in self._open:
                self._node.destroy_subscription(subscription)
            self._open.clear()
            forget_destroyed(self._node)
        if in_space and self._depth is None and self._config.depth_topic:
            topics = (self._config.depth_topic, self._config.camera_info_topic)
            topic, info_topic = (one.replace(CAMERA_MARK, self._name) for one in topics)
            transport = depth_transport_of(self._config.depth_transport, self._config.image_transport)
            self._depth = Depth(self._node, topic, info_topic, self._config.depth_tolerance, transport)
        elif not in_space and self._depth is not None:
            self._depth.close()
            self._depth = None
            forget_destroyed(self._node)

    def set(self, parameter: Parameter) -> None:
        """Set a parameter of the node `camera`, where it is there."""
        if self._camera.services_are_ready():
            self._camera.set_parameters([parameter])

    def cloud(self, moment: Moment) -> Cloud | None:
        """The points of a moment; None where there is no depth of it."""
        depth = self._depth
        if depth is None:
            return None
        height, width = moment.rgb.shape[:2]
        rectified = are_rectified(self._config.rectified, self._node.resolve_topic_name(self._image_topic))
        try:
            image, info = depth.at(moment.stamp, (width, height))
            metres, lens = to_depth(image), lens_of_message(info, rectified)
        except (DepthError, ImageError, LensError):
            return None
        return cloud_of(moment.rgb, metres, lens) if metres.shape == (height, width) else None

    def _subscribe(self) -> None:
        transport = COLOUR[self._config.image_transport]
        sensor = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        prefix = f"{self._name}/" if self._name else ""
        node = self._node
        self._open = [
            node.create_subscription(
                transport.message,
                transport.topic(node, self._image_topic),
                self._guarded(self._on_image),
                sensor,
                qos_overriding_options=OVERRIDABLE,
            ),
            node.create_subscription(String, f"{self._beside}/truth", self._guarded(self._on_truth), sensor),
            node.create_subscription(Image, f"{self._beside}/labels", self._guarded(self._on_labels), sensor),
            node.create_subscription(
                Segmentation,
                f"{prefix}result",
                self._guarded(self._on_result),
                QoSProfile(depth=MOST_EXPRESSIONS),
                qos_overriding_options=OVERRIDABLE,
            ),
        ]

    def _guarded(self, take: Callable[[Any], None]) -> Callable[[Any], None]:
        """Whatever is wrong with a message costs that message."""
        return partial(self._take, take)

    def _take(self, take: Callable[[Any], None], message: Any) -> None:
        try:
            take(message)
        except ImageError as error:
            self._refuse(error.kind, f"image refused: {error}")
        except ValueError as error:
            self._refuse("truth", f"message refused: {error}")

    def _on_image(self, message: Image | CompressedImage) -> None:
        if self._stream.put_image(nanoseconds_of(message.header), message.header.frame_id, to_rgb(message)):
            self._hub.wake(self._name)

    def _on_truth(self, message: String) -> None:
        self._truth.put_scene(message.data)

    def _on_labels(self, message: Image) -> None:
        if any(viewer.with_truth for viewer in tuple(self._hub.viewers)):
            self._truth.put_labels(nanoseconds_of(message.header), to_array(message).copy())

    def _on_result(self, message: Segmentation) -> None:
        self._on_answer(message.query)
        if self._stream.put_sighting(nanoseconds_of(message.header), sighting_of(message)):
            self._hub.wake(self._name)


def answer_of(message: Segmentation) -> Answer:
    """The answer that a message carries.

    Raises:
        ImageError: its mask is no image.
        ValueError: its verdict is none.
    """
    attention = np.asarray(message.word_attention, np.float32)
    shape = (message.levels, len(message.words))
    fits = attention.size == shape[0] * shape[1]
    box = message.box
    return Answer(
        message.query,
        Verdict(message.verdict),
        message.score,
        to_array(message.mask),
        Box(box.x, box.y, box.width, box.height),
        tuple(message.words),
        attention.reshape(shape) if fits else np.zeros((0, len(message.words)), np.float32),
        tuple(message.unknown_words),
        tuple(message.truncated_words),
    )


def sighting_of(message: Segmentation) -> Sighting:
    """What the page shows of a message; errors as of `answer_of`."""
    placement, place = message.placement, None
    if placement.known:
        position, turn, size = placement.pose.position, placement.pose.orientation, placement.size
        place = Place(
            placement.frame_id,
            (position.x, position.y, position.z),
            (turn.x, turn.y, turn.z, turn.w),
            (size.x, size.y, size.z),
        )
    return Sighting(message.query_id, answer_of(message), message.frame_age, message.stable, place, placement.reason)
