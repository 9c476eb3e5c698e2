"""The node `web`: what is said on the topics to the page, and what is done on the page to the topics."""

from __future__ import annotations

from concurrent.futures import Future

import numpy as np
import numpy.typing as npt
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.client import Client
from rclpy.clock import Clock, ClockType
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from rclpy.task import Future as RosFuture
from std_msgs.msg import Header, String

from refseg_ros.answer import Answer
from refseg_ros.engines.bundle import DEFAULT, Bundle
from refseg_ros.expression import MAX_CHARACTERS
from refseg_ros.files import expanded
from refseg_ros.images.messages import to_message
from refseg_ros.node.messages import answer_of
from refseg_ros.node.queries import split
from refseg_ros.node.watching import Watching
from refseg_ros.ros.faults import FaultLog
from refseg_ros.ros.parameters import Parameters
from refseg_ros.ros.qos import OVERRIDABLE
from refseg_ros.ros.spinning import spin
from refseg_ros.ros.topics import check_topics
from refseg_ros.srv import SegmentImage
from refseg_ros.text import transportable
from refseg_ros.web.cloud import Cloud
from refseg_ros.web.config import WebConfig
from refseg_ros.web.diagnosis import Diagnosis
from refseg_ros.web.hub import Hub
from refseg_ros.web.lessons import Lessons
from refseg_ros.web.moment import Moment
from refseg_ros.web.server import Server

LOOK = 0.2
"""Seconds from one look whether somebody watches to the next."""


class WebNode(Node):
    """Serves the page. Images and answers are subscribed to only while a browser is open.

    A process can have only one such node, because NiceGUI has one page at an address in a process.

    Subscriptions (relative, in namespace /refseg by default, below the name of the camera where there are several):
        query (std_msgs/String): all queries.
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

    Parameters: those of `WebConfig`, and the QoS of the topics (`qos_overrides`).

    Attributes:
        address: of the page, with the token where one is wanted.

    Raises:
        ParameterError: a parameter at the start is not usable.
        BundleError: the model bundle, which has the vocabulary, is missing or broken.
        AddressError: the page cannot be served at that address.
    """

    def __init__(
        self,
        *,
        context: Context | None = None,
        namespace: str = "/refseg",
        parameter_overrides: list[Parameter] | None = None,
    ) -> None:
        """Take the address; `start` serves the page, which gets no data unless `run` or an executor spins the node.

        Args:
            context: of ROS; None for the default one.
            namespace: of the node and its topics, unless the command line has another.
            parameter_overrides: values of parameters; they win over those of the command line.
        """
        super().__init__("web", context=context, namespace=namespace, parameter_overrides=parameter_overrides)
        self._settings: Parameters[WebConfig] = Parameters(self, WebConfig, lambda config, names: None)
        config = self._settings.config
        check_topics(self, config)
        self._faults = FaultLog(self.get_logger().error)
        words = Bundle.load(config.model or DEFAULT).vocabulary().words[2:]
        diagnosis = Diagnosis(f"{self.get_namespace().strip('/')}/segment".lstrip("/"))
        self._hub = Hub(config.cameras or ("",), words, diagnosis, Lessons(expanded(config.lessons)))
        self._query = self.create_publisher(String, "query", QoSProfile(depth=10), qos_overriding_options=OVERRIDABLE)
        self._unanswered: String | None = None
        """What was asked on the page last, until there is an answer to it."""
        self._listeners = 0
        """How many heard the queries at the last look; this node itself is one of them."""
        self._segment_image: Client = self.create_client(SegmentImage, "segment/segment_image")
        self.create_subscription(String, "query", self._on_query, 10, qos_overriding_options=OVERRIDABLE)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        self._watching = {
            name: Watching(self, config, self._hub, name, self._on_answer, self._refuse) for name in self._hub.streams
        }
        self.create_timer(LOOK, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._server = Server(self._hub, self, config.host, config.port)
        self.address = self._server.address
        self.get_logger().info(f"the page is at {self.address}")

    def start(self) -> None:
        """Serve the page, in a thread of its own."""
        self._server.start()

    def run(self) -> bool:
        """Start, and spin until the context is shut down."""
        self.start()
        spin(self, self._refuse)
        return True

    def close(self) -> bool:
        """End the server; whether its thread has ended."""
        return self._server.stop()

    def ask(self, text: str) -> None:
        """See `Robot.ask`. Until there is an answer, new subscribers get the query again."""
        message = String(data=transportable(text, MAX_CHARACTERS))
        self._unanswered = message if split(message.data)[0] else None
        self._query.publish(message)

    def has_scenes(self, camera: str) -> bool:
        """See `Robot.has_scenes`."""
        return self._watching[camera].can_set

    def show_scene(self, camera: str, seed: int) -> None:
        """See `Robot.show_scene`."""
        self._watching[camera].show_scene(seed)

    def set_moving(self, camera: str, moving: bool) -> None:
        """See `Robot.set_moving`."""
        self._watching[camera].set_moving(moving)

    def proposals(self, rgb: npt.NDArray[np.uint8], text: str) -> Future[list[Answer]]:
        """See `Robot.proposals`; its result raises ConnectionError where the node is not there or refuses."""
        given: Future[list[Answer]] = Future()
        given.set_running_or_notify_cancel()  # a page that waits no longer cannot cancel it: an answer may still come
        if not self._segment_image.service_is_ready():
            given.set_exception(ConnectionError("the node segment is not there"))
            return given

        def done(future: RosFuture) -> None:
            response = future.result()
            if response is None or not response.success:
                given.set_exception(ConnectionError(response.message if response else "no answer"))
            else:
                try:
                    given.set_result([answer_of(result) for result in response.answers])
                except ValueError as error:
                    given.set_exception(ConnectionError(f"an answer of the node segment cannot be read: {error}"))

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
        viewers = self._hub.viewers
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
