"""The demonstration's ROS node: asks on /refseg/query as a user does, and collects what belongs to an answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import rclpy
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header, String

from refseg_ros.demo.processes import DemoError
from refseg_ros.images import to_array, to_rgb
from refseg_ros.msg import Segmentation
from refseg_ros.transport import prefer_large_shared_memory

Stamp = tuple[int, int]
Value = TypeVar("Value")

ANSWER_WAIT = 15.0
"""Seconds."""
PARTS = ("result", "mask", "overlay", "labels", "truth")
KEPT = 64
"""Stamps of which the messages are kept."""
QOS = QoSProfile(depth=20)


@dataclass(frozen=True)
class Reply:
    """An answer with what else carries the stamp of its image."""

    result: Segmentation
    mask: np.ndarray
    """(H, W) uint8, 0 or 255."""
    overlay: np.ndarray
    """(H, W, 3) uint8 RGB."""
    delay: float
    """Milliseconds from the camera's stamp until the mask was received."""
    truth: dict[str, Any] | None
    """The camera's JSON; None for a camera that knows no truth."""
    labels: np.ndarray | None
    """(H, W) uint8 instance ids; None like `truth`."""


class Client:
    """Talks to the camera and the node over the network alone. A context manager that leaves ROS again."""

    def __init__(self, alive: Callable[[], None]) -> None:
        """Join the network; `alive` is called while waiting and raises when there is nothing to wait for any more."""
        self._alive = alive
        prefer_large_shared_memory()
        self._context = rclpy.Context()
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node("demo", context=self._context)
        self._executor = rclpy.executors.SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._camera = AsyncParameterClient(self._node, "/camera/camera")
        self._query = self._node.create_publisher(String, "/refseg/query", QOS)
        self._kept: dict[str, dict[Stamp, Any]] = {name: {} for name in PARTS}
        self._delays: dict[Stamp, float] = {}
        self.size: tuple[int, int] | None = None
        """Width and height of the camera's images, once it was heard."""
        self.newest_truth: dict[str, Any] | None = None
        for topic, kind, take in (
            ("/camera/camera_info", CameraInfo, self._on_info),
            ("/camera/truth", String, self._on_truth),
            ("/camera/labels", Image, lambda message: self._keep("labels", message.header, message)),
            ("/refseg/mask", Image, self._on_mask),
            ("/refseg/result", Segmentation, lambda message: self._keep("result", message.header, message)),
            ("/refseg/overlay", Image, lambda message: self._keep("overlay", message.header, message)),
        ):
            self._node.create_subscription(kind, topic, take, QOS)

    def wait(self, look: Callable[[], Value | None], seconds: float, what: str) -> Value:
        """Receive until `look` gives something, and return it.

        Raises:
            DemoError: it gave nothing for so many seconds; `what` says what was waited for.
        """
        until = time.monotonic() + seconds
        while (found := look()) is None:
            if time.monotonic() > until:
                raise DemoError(f"{what} did not come within {seconds:g} s")
            self._alive()
            self._executor.spin_once(timeout_sec=0.05)
        return found

    def listen(self, seconds: float) -> None:
        """Receive for so many seconds."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._alive()
            self._executor.spin_once(timeout_sec=min(left, 0.05))

    def wait_for_nodes(self, seconds: float) -> None:
        """Wait until camera and node are there."""
        self.wait(lambda: self.size, seconds, "the first image of the camera")
        self.wait(lambda: self._query.get_subscription_count() or None, seconds, "a listener on /refseg/query")

    def show(self, seed: int) -> dict[str, Any]:
        """Have the simulated camera show a scene; its truth."""
        self.wait(lambda: self._camera.services_are_ready() or None, 10.0, "the camera's parameter service")
        done = self._camera.set_parameters([Parameter("seed", value=seed)])
        self.wait(lambda: done.done() or None, 20.0, f"the simulated scene {seed}")
        response = done.result()
        if response is None or not response.results[0].successful:
            raise DemoError(f"the camera refused scene {seed}")

        def shown() -> dict[str, Any] | None:
            truth = self.newest_truth
            return truth if truth is not None and truth["seed"] == seed else None

        return self.wait(shown, 20.0, f"the truth of scene {seed}")

    def ask(self, text: str) -> Reply:
        """Publish a query; the first reply to it. Those to earlier queries are forgotten."""
        self._kept["result"].clear()
        self._query.publish(String(data=text))
        return self.wait(lambda: self.replies(text) or None, ANSWER_WAIT, f"an answer to {text!r}")[0]

    def more_replies(self, text: str, count: int) -> list[Reply]:
        """Wait for so many replies to the query that was asked last; all of them, oldest first."""

        def enough() -> list[Reply] | None:
            replies = self.replies(text)
            return replies if len(replies) >= count else None

        return self.wait(enough, ANSWER_WAIT, f"{count} answers to {text!r}")

    def replies(self, text: str) -> list[Reply]:
        """The complete replies so far to the query that was asked last, oldest first."""
        complete = []
        for stamp in sorted(self._kept["result"]):
            parts: dict[str, Any] = {name: kept.get(stamp) for name, kept in self._kept.items()}
            needed = ["mask", "overlay"] if self.newest_truth is None else list(parts)
            if parts["result"].query != text or any(parts[name] is None for name in needed):
                continue
            labels = None if parts["labels"] is None else to_array(parts["labels"])
            mask, overlay = to_array(parts["mask"]), to_rgb(parts["overlay"])
            complete.append(Reply(parts["result"], mask, overlay, self._delays[stamp], parts["truth"], labels))
        return complete

    def _on_info(self, message: CameraInfo) -> None:
        self.size = (message.width, message.height)

    def _on_truth(self, message: String) -> None:
        truth = json.loads(message.data)
        self.newest_truth = truth
        self._keep_at("truth", (truth["stamp"][0], truth["stamp"][1]), truth)

    def _on_mask(self, message: Image) -> None:
        stamp = message.header.stamp
        self._delays[stamp.sec, stamp.nanosec] = (time.time() - stamp.sec - stamp.nanosec * 1e-9) * 1e3
        self._keep("mask", message.header, message)

    def _keep(self, name: str, header: Header, message: object) -> None:
        self._keep_at(name, (header.stamp.sec, header.stamp.nanosec), message)

    def _keep_at(self, name: str, stamp: Stamp, value: object) -> None:
        kept = self._kept[name]
        kept[stamp] = value
        while len(kept) > KEPT:
            oldest = next(iter(kept))
            del kept[oldest]
            if name == "mask":
                del self._delays[oldest]

    def __enter__(self) -> Client:
        """Return the client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the network."""
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.shutdown(context=self._context)
