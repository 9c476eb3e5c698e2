"""One camera: its topic, its past, and what becomes of each of its images."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from refseg_ros.answer import Answer
from refseg_ros.images.messages import ImageError
from refseg_ros.msg import Segmentation
from refseg_ros.node.answering import Frame, answer, results, seconds_of, stale_answers
from refseg_ros.node.depth import Depth, nanoseconds_of
from refseg_ros.node.diagnostics import AT_ITS_TURN, STALL, WHEN_ANSWERED, camera_status
from refseg_ros.node.freshness import frame_age
from refseg_ros.node.health import Health
from refseg_ros.node.image_transport import COLOUR, ImageSubscription
from refseg_ros.node.messages_3d import Target, are_rectified
from refseg_ros.node.model import Model, Past
from refseg_ros.node.outputs import Outputs
from refseg_ros.node.outputs_3d import Outputs3D
from refseg_ros.node.placing import Placed, place
from refseg_ros.node.qos_doctor import why_no_image
from refseg_ros.node.queries import ActiveQueries, Query
from refseg_ros.node.stability import Stability, Standing
from refseg_ros.node.transforms import Transforms
from refseg_ros.node.worker import Worker
from refseg_ros.ros.faults import FaultLog
from refseg_ros.ros.node_config import CAMERA_MARK, SegmentNodeConfig
from refseg_ros.ros.parameters import Parameters
from refseg_ros.space.lifting import Lifted


@dataclass(frozen=True, eq=False)
class NodeParts:
    """What all cameras of a node share."""

    node: Node
    """The owner of the cameras' topics."""
    model: Model
    settings: Parameters[SegmentNodeConfig]
    """Holds the current settings."""
    queries: ActiveQueries
    worker: Worker
    """Answers the images of all cameras."""
    faults: FaultLog
    """Counts refused and lost images."""
    on_goal_answer: Callable[[str, Segmentation], None]
    """Called in the worker's thread with the camera's name and each answer to the query of a goal."""
    transforms: Transforms | None
    """To the frame `target_frame`; None if things stay in the camera's frame."""


@dataclass(frozen=True)
class _Arrival:
    """An image message as it was received."""

    message: Image | CompressedImage
    queries: tuple[Query, ...]
    """Those that were active then: a query counts from the next image on."""
    moment: float
    """Seconds on the node's clock."""


class Camera:
    """Receives in the executor's thread, and answers in the worker's.

    Attributes:
        name: of the camera, or "" where there is only one.
        health: what the diagnostics report.
        outputs: the topics of the answers.
    """

    def __init__(self, parts: NodeParts, name: str) -> None:
        """Open the topics of the camera of this name."""
        self.name = name
        self.health = Health()
        self._parts, self._node = parts, parts.node
        self._is_open, self._is_silent = True, False
        self._shown: Header | None = None
        """Header of the last image whose answers are shown beside the results: in markers, clouds, detections."""
        prefix = f"{name}/" if name else ""
        self.outputs = Outputs(self._node, prefix)
        config = parts.settings.config
        self._depth: Depth | None = None
        self._outputs_3d: Outputs3D | None = None
        if config.depth_topic:
            topic, info_topic = (
                topic.replace(CAMERA_MARK, name) for topic in (config.depth_topic, config.camera_info_topic)
            )
            self._depth = Depth(self._node, topic, info_topic, config.depth_tolerance, config.used_depth_transport)
            self._outputs_3d = Outputs3D(self._node, prefix)
        topic = config.image_topic.replace(CAMERA_MARK, name)
        self._images = ImageSubscription(self._node, COLOUR[config.image_transport], topic, self._on_image)

    @property
    def _config(self) -> SegmentNodeConfig:
        return self._parts.settings.config

    def listen_anew(self) -> None:
        """Subscribe again, as the settings are now."""
        self._images.listen(COLOUR[self._config.image_transport])
        if self._depth is not None:
            self._depth.listen(self._config.used_depth_transport)

    def status(self, own: Collection[str]) -> DiagnosticStatus:
        """The camera's diagnostics; logs that no image comes. `own` are the topics that the node publishes itself."""
        was_silent, self._is_silent = self._is_silent, self.health.silence(time.monotonic()) >= STALL
        status = camera_status(
            f"{self._node.get_fully_qualified_name().lstrip('/')}: camera {self.name}".rstrip(),
            self._images.topic,
            self.health,
            self._config.max_frame_age,
            lambda: why_no_image(
                self._node, self._images.asked, self._images.transport.type_name, self._images.qos, own
            ),
        )
        if self._is_silent and not was_silent:
            self._node.get_logger().warning(f"{self._images.topic}: {status.message}")
        return status

    def close(self) -> None:
        """Close the topics; an answer that the worker is still computing is not published."""
        self._is_open = False
        self._show_nothing()
        self._images.close()
        self.outputs.close()
        if self._depth is not None and self._outputs_3d is not None:
            self._depth.close()
            self._outputs_3d.close()

    def _now(self) -> float:
        return float(self._node.get_clock().now().nanoseconds * 1e-9)

    def _on_image(self, message: Image | CompressedImage) -> None:
        self.health.received()
        arrival = _Arrival(message, self._parts.queries.of_camera(self.name), self._now())
        if self._parts.worker.put(self.name, partial(self._work, arrival)):
            self.health.counters.superseded += 1

    def _work(self, arrival: _Arrival) -> None:
        """Runs in the worker's thread."""
        try:
            self._take(arrival)
        except ImageError as error:
            self.health.refused(str(error))
            self._parts.faults.note(error.kind, f"image refused: {error}")
        except Exception as error:  # whatever goes wrong costs this one image, never the node
            reason = f"{type(error).__name__}: {error}"
            self.health.failed(reason)
            if self._is_open and self._node.context.ok():
                self._parts.faults.note(type(error).__name__, f"image lost: {reason}")

    def _take(self, arrival: _Arrival) -> None:
        past = self._parts.model.past(self)
        if not self._is_wanted():
            self._show_nothing()
        if not arrival.queries or not past.rate_limit.is_due(self._config.max_rate, time.monotonic()):
            self._pass(arrival, past)
            return
        frame = Frame.of(arrival.message, self._config.white)
        if self._is_stale(frame, arrival, AT_ITS_TURN):
            self._publish_stale(frame, arrival)
        else:
            self._answer(frame, arrival, past)

    def _pass(self, arrival: _Arrival, past: Past) -> None:
        """Take an image into the past without an answer; if the clip does not need it, it is not even decoded."""
        model = self._parts.model
        if not 0 <= seconds_of(arrival.message.header) - past.observed < model.interval:
            frame = Frame.of(arrival.message, self._config.white)
            model.observe(past, frame.image, frame.stamp)
            if not arrival.queries:
                self.health.failed_in_a_row = 0  # the encoder is all that runs, and it does
        self.health.counters.passed += 1
        if not arrival.queries:
            self.health.not_placed = self.health.stale = ""  # nobody asks for it any more

    def _answer(self, frame: Frame, arrival: _Arrival, past: Past) -> None:
        if self._depth is not None:
            self._depth.hold(nanoseconds_of(frame.header))
        began = time.perf_counter()
        answers = answer(self._parts.model, past, frame, arrival.queries)
        spent = (time.perf_counter() - began) * 1e3
        if self._is_stale(frame, arrival, WHEN_ANSWERED):
            self._publish_stale(frame, arrival)
            return
        rectified = are_rectified(self._config.rectified, self._images.topic)
        placed = place(self._depth, self._parts.transforms, rectified, frame.header, frame.image, answers)
        self._note_age(frame, arrival)  # waiting for depth and transforms takes time
        self.health.stale = ""
        self.health.not_placed = next((one.reason for one in placed if one.reason), "")
        for one in placed:
            if one.reason and self._depth is not None and self._depth.is_settled:
                self._parts.faults.note("depth", f"nothing placed in space: {one.reason}")
        standings = self._standings(past.stability, arrival.queries, answers, placed)
        placements = [one.message() for one in placed]
        self._publish(arrival, results(frame, arrival.queries, answers, self.health.frame_age, standings, placements))
        if self._is_wanted():
            lifted = [one.lifted for one in placed]
            self._publish_targets(frame, _targets(arrival.queries, answers, lifted))
            self.outputs.publish_milliseconds(spent)
        self.health.answered(spent)

    def _standings(
        self, stability: Stability, queries: Sequence[Query], answers: Sequence[Answer], placed: Sequence[Placed]
    ) -> list[Standing]:
        wanted, distance = self._config.stable_frames, self._config.stable_distance
        stability.keep({query.id for query in queries})
        return [
            stability.judge(query.id, answer, wanted, one.spot, distance)
            for query, answer, one in zip(queries, answers, placed, strict=True)
        ]

    def _publish_targets(self, frame: Frame, targets: list[Target]) -> None:
        """Publish the answers as messages of other packages, and the overlay."""
        self._shown = frame.header
        self._show(targets, frame.header)
        age, rate = self.health.frame_age, self.health.answers.per_second(time.monotonic())
        answers = [target.answer for target in targets]
        self.outputs.publish_overlay(frame.image, answers, frame.header, age, rate)

    def _show(self, targets: list[Target], header: Header) -> None:
        """Publish the answers as messages of other packages; an empty list takes back what was shown."""
        self.outputs.publish_detections(targets, header)
        if self._outputs_3d is not None:
            transforms = self._parts.transforms
            frame_id = transforms.target if transforms else header.frame_id
            self._outputs_3d.publish(targets, Header(stamp=header.stamp, frame_id=frame_id))

    def _show_nothing(self) -> None:
        """Take back what was shown, once nobody asks for it any more; after a signal nobody can be told."""
        if self._shown is not None and self._node.context.ok():
            header, self._shown = self._shown, None
            self._show([], header)

    def _is_stale(self, frame: Frame, arrival: _Arrival, when: str) -> bool:
        self._note_age(frame, arrival)
        is_stale = 0.0 < self._config.max_frame_age < self.health.frame_age
        if is_stale:
            self.health.stale = when
        return is_stale

    def _note_age(self, frame: Frame, arrival: _Arrival) -> None:
        self.health.frame_age = frame_age(frame.stamp, arrival.moment, self._now())

    def _publish_stale(self, frame: Frame, arrival: _Arrival) -> None:
        self.health.counters.stale += 1
        answers = stale_answers(frame, arrival.queries)
        self._publish(arrival, results(frame, arrival.queries, answers, self.health.frame_age))
        if self._is_wanted():
            self._publish_targets(frame, _targets(arrival.queries, answers, [None] * len(answers)))

    def _publish(self, arrival: _Arrival, messages: list[Segmentation]) -> None:
        """Give each answer to whoever asked for it: the topics, or the client of a goal."""
        pairs = list(zip(arrival.queries, messages, strict=True))
        if self._is_wanted():
            self.outputs.publish([message for query, message in pairs if not query.of_goal])
        for query, message in pairs:
            if query.of_goal:
                self._parts.on_goal_answer(self.name, message)

    def _is_wanted(self) -> bool:
        """Whether anybody still wants answers: the query may have been cleared, or the node deactivated meanwhile."""
        return self._is_open and bool(self._parts.queries.published)


def _targets(queries: Sequence[Query], answers: Sequence[Answer], lifted: Sequence[Lifted | None]) -> list[Target]:
    """What is shown of the answers: not those to goals, which only their clients get."""
    asked = zip(queries, answers, lifted, strict=True)
    return [Target(query.id, answer, thing) for query, answer, thing in asked if not query.of_goal]
