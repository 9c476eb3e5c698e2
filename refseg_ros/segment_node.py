"""The node `segment`: images and an expression in; mask, box and the whole answer out. Thin: convert, call, publish."""

from __future__ import annotations

import array
import itertools
import os
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import rclpy
from rclpy.exceptions import InvalidTopicNameException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Float32, Header, String

from refseg_ros.answer import Answer
from refseg_ros.errors import BundleError
from refseg_ros.expression import MAX_CHARACTERS
from refseg_ros.faults import FaultLog
from refseg_ros.images import ImageError, to_message, to_rgb
from refseg_ros.mailbox import Mailbox
from refseg_ros.msg import BoundingBox, Segmentation
from refseg_ros.node_config import SegmentNodeConfig
from refseg_ros.overlay import draw
from refseg_ros.parameters import ParameterError, Parameters
from refseg_ros.segmenter import Segmenter
from refseg_ros.transport import prefer_large_shared_memory

PATIENCE = 1.0
"""Seconds that a frame in the works has at shutdown; one that takes longer is abandoned."""


@dataclass(frozen=True)
class _Query:
    """An expression that was asked, and its number."""

    id: int
    text: str


class SegmentNode(Node):
    """Answers the newest query for the newest image.

    Subscriptions:
        query (std_msgs/String): the expression; it counts from the next image on. An empty one stops.
        the topic of parameter `image_topic` (sensor_msgs/Image): sensor-data QoS, depth 1.

    Publishers (relative, in namespace /refseg by default; reliable), each message under its image's header:
        mask (sensor_msgs/Image): mono8, 0 or 255, the size of the image. Empty when nothing was found.
        bbox (refseg_ros/BoundingBox): pixels of the image; all zero when nothing was found.
        result (refseg_ros/Segmentation): the whole answer.
        overlay (sensor_msgs/Image): rgb8, the answer drawn over the image; made only while someone listens.
        ~/inference_milliseconds (std_msgs/Float32): what encoding and fusion took; only while someone listens.

    Parameters: those of `SegmentNodeConfig`.

    Images are worked on in a thread of their own. One that comes while another is worked on waits in the only place
    there is and gives way to the next. While nothing is asked, one image per interval of the clip is still encoded, so
    that a query about motion finds the past that it needs: at 30 images a second a sixth of the work of answering.

    Raises:
        ParameterError: a parameter at the start is not usable.
        BundleError: the model bundle is missing or broken.
    """

    def __init__(self) -> None:
        super().__init__("segment", namespace="/refseg")
        self._ids = itertools.count(1)
        self._query: _Query | None = None
        self._settings = Parameters(self, SegmentNodeConfig, self._on_change)
        config = self._settings.config
        self._faults = FaultLog(self.get_logger().error)
        segmenter = Segmenter(
            config.model, threads=config.threads, maximum_side=config.maximum_side, maximum_gap=config.maximum_gap
        )
        self._stream = segmenter.stream()
        self._idle_interval = segmenter.manifest.clip.interval
        self._observed = -float("inf")

        newest = QoSProfile(depth=1)
        self._mask = self.create_publisher(Image, "mask", newest)
        self._box = self.create_publisher(BoundingBox, "bbox", newest)
        self._result = self.create_publisher(Segmentation, "result", newest)
        self._overlay = self.create_publisher(Image, "overlay", newest)
        self._spent = self.create_publisher(Float32, "~/inference_milliseconds", newest)

        self._mailbox: Mailbox[tuple[Image, _Query | None]] = Mailbox()
        self._worker = threading.Thread(target=self._work, name="segment", daemon=True)
        self._worker.start()
        self.create_subscription(String, "query", self._on_query, newest)
        latest_image = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        try:
            images = self.create_subscription(Image, config.image_topic, self._on_image, latest_image)
        except InvalidTopicNameException as error:
            raise ParameterError(f"image_topic is {config.image_topic!r}, which is no name of a topic") from error
        self.get_logger().info(f"waits for images on {images.topic_name}")
        self._ask(config.query)

    def stop(self) -> bool:
        """End the work; tell whether the worker ended too."""
        self._mailbox.close()
        self._worker.join(PATIENCE)
        return not self._worker.is_alive()

    def refuse_text(self, error: UnicodeDecodeError) -> None:
        """Count a query that was no text at all."""
        self._faults.note("text", f"query refused: it is no UTF-8 ({error.reason} at byte {error.start})")

    def _on_query(self, message: String) -> None:
        self._ask(message.data)

    def _on_change(self, config: SegmentNodeConfig, names: frozenset[str]) -> None:
        if "query" in names:
            self._ask(config.query)

    def _ask(self, text: str) -> None:
        text = _transportable(text)
        if not text.strip():
            if self._query is not None:
                self.get_logger().info("query cleared")
            self._query = None
            return
        self._query = _Query(next(self._ids), text)
        shown = ascii(text[:80]) + ("..." if len(text) > 80 else "")
        self.get_logger().info(f"query {self._query.id}: {shown}", throttle_duration_sec=0.2)

    def _on_image(self, message: Image) -> None:
        self._mailbox.put((message, self._query))

    def _work(self) -> None:
        while (item := self._mailbox.take()) is not None:
            try:
                self._answer(*item)
            except ImageError as error:
                self._faults.note(error.kind, f"image refused: {error}")
            except Exception as error:  # whatever goes wrong costs this one image, never the node
                if rclpy.ok(context=self.context):
                    self._faults.note(type(error).__name__, f"image lost: {type(error).__name__}: {error}")

    def _answer(self, message: Image, query: _Query | None) -> None:
        image = to_rgb(message)
        header = message.header
        stamp = header.stamp.sec + header.stamp.nanosec * 1e-9
        if query is None:
            if not 0 <= stamp - self._observed < self._idle_interval:
                self._observed = stamp
                self._stream.observe(image, stamp)
            return
        began = time.perf_counter()
        self._observed = stamp
        self._stream.observe(image, stamp)
        (answer,) = self._stream.answer([query.text])
        spent = time.perf_counter() - began
        if self._query is None:
            return
        mask = to_message(answer.mask, "mono8", header)
        self._mask.publish(mask)
        box = _box_message(answer, query, header)
        self._box.publish(box)
        self._result.publish(_result_message(answer, query, box, mask))
        if self._spent.get_subscription_count() > 0:
            self._spent.publish(Float32(data=spent * 1e3))
        if self._overlay.get_subscription_count() > 0:
            self._overlay.publish(to_message(draw(image, answer), "rgb8", header))


def _box_message(answer: Answer, query: _Query, header: Header) -> BoundingBox:
    box = answer.box
    score = float(answer.score)
    return BoundingBox(
        header=header, query_id=query.id, x=box.x, y=box.y, width=box.width, height=box.height, score=score
    )


def _result_message(answer: Answer, query: _Query, box: BoundingBox, mask: Image) -> Segmentation:
    return Segmentation(
        header=mask.header,
        query_id=query.id,
        query=query.text,
        verdict=int(answer.verdict),
        score=box.score,
        box=box,
        mask=mask,
        words=list(answer.words),
        levels=answer.word_attention.shape[0],
        word_attention=array.array("f", answer.word_attention.tobytes()),
        unknown_words=list(answer.unknown_words),
        truncated_words=list(answer.truncated_words),
    )


def _transportable(text: str) -> str:
    """The text as a message can carry it: lone surrogates and NUL replaced, cut where nobody reads on.

    One character more than is read is kept, for the answer to report the cut.
    """
    kept = text[: MAX_CHARACTERS + 1].replace("\0", "\N{REPLACEMENT CHARACTER}")
    return kept.encode("utf-8", "replace").decode("utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM (exit code 0); 1 when it cannot start, with the reason in one line."""
    prefer_large_shared_memory()
    rclpy.init(args=None if arguments is None else list(arguments))
    node = None
    try:
        node = SegmentNode()
        _spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except (ParameterError, BundleError) as error:
        get_logger("segment").fatal(str(error))
        return 1
    except RuntimeError:  # of rclpy, when the signal came in the middle of something
        if rclpy.ok():
            raise
    finally:
        rclpy.try_shutdown()
    if node is not None:
        _end(node)
    return 0


def _spin(node: SegmentNode) -> None:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while rclpy.ok():
        try:
            executor.spin_once()
        except UnicodeDecodeError as error:
            node.refuse_text(error)


def _end(node: SegmentNode) -> None:
    if node.stop():
        node.destroy_node()
        return
    # The worker is inside the inference runtime, and Python must not be taken down around it.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
