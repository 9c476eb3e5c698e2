"""One camera: its topic, its past, and what becomes of each of its images."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from refseg_ros.answer import Answer, stale
from refseg_ros.errors import EngineError
from refseg_ros.faults import FaultLog
from refseg_ros.images import ImageError, to_rgb
from refseg_ros.messages_3d import Target, is_rectified
from refseg_ros.msg import Segmentation
from refseg_ros.node.depth import Depth
from refseg_ros.node.diagnostics import camera_values, judge_camera, status
from refseg_ros.node.entities import forget_destroyed
from refseg_ros.node.freshness import Pace, frame_age
from refseg_ros.node.health import Health
from refseg_ros.node.messages import result_message
from refseg_ros.node.model import Model
from refseg_ros.node.outputs import Outputs
from refseg_ros.node.outputs_3d import Outputs3D
from refseg_ros.node.placing import Placed, place
from refseg_ros.node.qos_doctor import why_no_image
from refseg_ros.node.queries import Query, Questions
from refseg_ros.node.stability import Stability, Standing
from refseg_ros.node.transforms import Transforms
from refseg_ros.node.worker import Worker
from refseg_ros.node_config import CAMERA_MARK, SegmentNodeConfig
from refseg_ros.parameters import Parameters
from refseg_ros.segmenter import Stream

_TRANSPORTS = {"raw": (Image, ""), "compressed": (CompressedImage, "/compressed")}
"""Transport -> type of its messages, and what it adds to the topic."""


@dataclass(frozen=True)
class _Frame:
    """An image as it was received."""

    message: Image | CompressedImage
    queries: tuple[Query, ...]
    """What it is to be answered for: a query counts from the next image on."""
    arrival: float
    """Seconds on the node's clock."""

    @property
    def stamp(self) -> float:
        """Seconds."""
        stamp = self.message.header.stamp
        return float(stamp.sec + stamp.nanosec * 1e-9)


class Camera:
    """Receives in the executor's thread, and answers in the worker's.

    Attributes:
        name: of the camera, or "" where there is one only.
        topic: of its images, in full.
        health: what the diagnostics tell.
        outputs: the topics of the answers.
    """

    def __init__(
        self,
        node: Node,
        name: str,
        model: Model,
        settings: Parameters[SegmentNodeConfig],
        questions: Questions,
        worker: Worker,
        faults: FaultLog,
        told: Callable[[str, Segmentation], None],
        transforms: Transforms | None,
        mend: Callable[[], None],
    ) -> None:
        """Open the topics.

        Args:
            node: whose topics they are.
            name: of the camera.
            model: shared by all cameras.
            settings: of the node, as they are at any time.
            questions: what to look for.
            worker: who answers.
            faults: where refused and lost images are told.
            told: called in the worker's thread with the camera's name and each answer to a pursued query.
            transforms: to the frame that things are wanted in, if it is not the camera's.
            mend: called in the worker's thread before each image, to load the model again if it broke down.
        """
        self.name = name
        self.health = Health()
        self._node, self._model, self._settings = node, model, settings
        self._questions, self._worker, self._faults, self._told = questions, worker, faults, told
        self._transforms, self._mend = transforms, mend
        self._open = True
        self._stream: Stream | None = None
        self.outputs = Outputs(node, f"{name}/" if name else "")
        config = settings.config
        self._rectified = is_rectified(config.image_topic)
        self._depth: Depth | None = None
        self._outputs_3d: Outputs3D | None = None
        if config.depth_topic:
            topic, info_topic = (
                topic.replace(CAMERA_MARK, name) for topic in (config.depth_topic, config.camera_info_topic)
            )
            self._depth = Depth(node, topic, info_topic, config.depth_tolerance, config.image_transport)
            self._outputs_3d = Outputs3D(node, f"{name}/" if name else "")
        self._listen()

    def listen_anew(self) -> None:
        """Subscribe as the settings are now."""
        self._node.destroy_subscription(self._images)
        self._listen()
        if self._depth is not None:
            self._depth.listen_anew(self._settings.config.image_transport)
        forget_destroyed(self._node)

    def _listen(self) -> None:
        config = self._settings.config
        self._kind, suffix = _TRANSPORTS[config.image_transport]
        self._qos = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        self._images = self._node.create_subscription(
            self._kind,
            config.image_topic.replace(CAMERA_MARK, self.name) + suffix,
            self._on_image,
            self._qos,
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        self.topic = self._images.topic_name
        self._node.get_logger().info(f"waits for images on {self.topic}")

    def status(self, own: Collection[str]) -> DiagnosticStatus:
        """How the camera fares; `own` are the topics that the node publishes itself."""
        level, message = judge_camera(
            self.health,
            self._settings.config.max_frame_age,
            lambda: why_no_image(self._node, self.topic, f"sensor_msgs/msg/{self._kind.__name__}", self._qos, own),
        )
        name = f"{self._node.get_fully_qualified_name().lstrip('/')}: camera {self.name}".rstrip()
        return status(name, level, message, camera_values(self.health, self.topic))

    def close(self) -> None:
        """Close the topics; what the worker is still at is not published."""
        self._open = False
        self._node.destroy_subscription(self._images)
        self.outputs.close()
        if self._depth is not None and self._outputs_3d is not None:
            self._depth.close()
            self._outputs_3d.close()

    def forget(self) -> None:
        """Begin anew with the next image."""
        self._stream = None

    def _begin(self) -> Stream:
        stream = self._stream = self._model.stream()
        self._stability = Stability()
        self._pace = Pace()
        self._observed = -float("inf")
        return stream

    def _now(self) -> float:
        return float(self._node.get_clock().now().nanoseconds * 1e-9)

    def _on_image(self, message: Image | CompressedImage) -> None:
        self.health.received()
        frame = _Frame(message, self._questions.current, self._now())
        if self._worker.put(self.name, partial(self._work, frame)):
            self.health.counters.superseded += 1

    def _work(self, frame: _Frame) -> None:
        try:
            self._mend()
            self._take(frame, self._stream or self._begin())
        except ImageError as error:
            self.health.refused(str(error))
            self._faults.note(error.kind, f"image refused: {error}")
        except Exception as error:  # whatever goes wrong costs this one image, never the node
            reason = f"{type(error).__name__}: {error}"
            self.health.failed(reason)
            if isinstance(error, EngineError):
                self._model.failed(reason)
            if self._open and self._node.context.ok():
                self._faults.note(type(error).__name__, f"image lost: {reason}")

    def _take(self, frame: _Frame, stream: Stream) -> None:
        image = to_rgb(frame.message)
        config = self._settings.config
        if not frame.queries or not self._pace.is_due(config.max_rate, time.monotonic()):
            if not 0 <= frame.stamp - self._observed < self._model.interval:
                self._observe(stream, image, frame.stamp)
            self.health.counters.passed += 1
            return
        if self._is_stale(frame):
            self._tell_stale(frame, image)
        else:
            self._answer(frame, stream, image)

    def _answer(self, frame: _Frame, stream: Stream, image: np.ndarray) -> None:
        began = time.perf_counter()
        self._observe(stream, image, frame.stamp)
        answers = stream.answer([query.text for query in frame.queries])
        spent = (time.perf_counter() - began) * 1e3
        self._model.worked()
        if self._is_stale(frame):
            self._tell_stale(frame, image)
            return
        placed = place(self._depth, self._transforms, self._rectified, frame.message.header, image, answers)
        self._publish(frame, image, answers, placed, spent)
        self.health.answered(spent)

    def _publish(
        self, frame: _Frame, image: np.ndarray, answers: list[Answer], placed: list[Placed], spent: float
    ) -> None:
        config, header = self._settings.config, frame.message.header
        self._stability.keep({query.id for query in frame.queries})
        results = [
            result_message(
                answer,
                query,
                self._stability.judge(query.id, answer, config.stable_frames, one.spot, config.stable_distance),
                self.health.frame_age,
                header,
                one.message(),
            )
            for query, answer, one in zip(frame.queries, answers, placed, strict=True)
        ]
        self._tell(frame, results)
        for one in placed:
            if one.reason:
                self._faults.note("depth", f"nothing placed in space: {one.reason}")
        if not self._is_asked():
            return
        targets = [
            Target(query.id, answer, one.lifted)
            for query, answer, one in zip(frame.queries, answers, placed, strict=True)
            if not query.pursued
        ]
        self.outputs.publish_detections(targets, header)
        if self._outputs_3d is not None:
            frame_id = self._transforms.target if self._transforms else header.frame_id
            self._outputs_3d.publish(targets, Header(stamp=header.stamp, frame_id=frame_id))
        age, rate = self.health.frame_age, self.health.answers.per_second(time.monotonic())
        self.outputs.publish_extras(image, [target.answer for target in targets], header, spent, age, rate)

    def _is_stale(self, frame: _Frame) -> bool:
        limit = self._settings.config.max_frame_age
        self.health.frame_age = frame_age(frame.stamp, frame.arrival, self._now())
        self.health.last_was_stale = 0.0 < limit < self.health.frame_age
        return self.health.last_was_stale

    def _tell_stale(self, frame: _Frame, image: np.ndarray) -> None:
        self.health.counters.stale += 1
        height, width = image.shape[:2]
        age, header = self.health.frame_age, frame.message.header
        self._tell(
            frame,
            [
                result_message(stale(query.text, height, width), query, Standing(), age, header)
                for query in frame.queries
            ],
        )

    def _tell(self, frame: _Frame, results: list[Segmentation]) -> None:
        if self._is_asked():
            self.outputs.publish(
                [result for query, result in zip(frame.queries, results, strict=True) if not query.pursued]
            )
        for query, result in zip(frame.queries, results, strict=True):
            if query.pursued:
                self._told(self.name, result)

    def _is_asked(self) -> bool:
        """Whether anybody still wants answers: the query may have been cleared, or the node deactivated meanwhile."""
        return self._open and bool(self._questions.asked)

    def _observe(self, stream: Stream, image: np.ndarray, stamp: float) -> None:
        self._observed = stamp
        try:
            stream.observe(image, stamp)
        except ValueError as error:
            raise ImageError("size", str(error)) from error
