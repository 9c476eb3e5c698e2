"""The demonstration's ROS node: asks on /refseg/query as a user would, and collects the answers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header, String

from refseg_ros.demo.processes import DemoError
from refseg_ros.images.messages import to_array, to_rgb
from refseg_ros.msg import Segmentation
from refseg_ros.ros.guest import Guest
from refseg_ros.ros.remote_parameters import RemoteParameters

Stamp = tuple[int, int]
Value = TypeVar("Value")

ANSWER_WAIT = 15.0
"""Seconds to wait for an answer, or for the next one."""
PARTS = ("result", "mask", "overlay", "labels", "truth")
KEPT = 64
"""How many messages of each kind are kept."""
QOS = QoSProfile(depth=20)


@dataclass(frozen=True)
class Reply:
    """An answer with the other messages of the same stamp."""

    result: Segmentation
    mask: np.ndarray
    """(H, W) uint8, 0 or 255."""
    overlay: np.ndarray
    """(H, W, 3) uint8 RGB."""
    delay: float
    """Milliseconds from the camera's stamp until the mask arrived."""
    truth: dict[str, Any] | None
    """The camera's JSON; None from a camera without ground truth."""
    labels: np.ndarray | None
    """(H, W) uint8 instance ids; None like `truth`."""


class Client(Guest):
    """Talks to the camera and the node over the network only."""

    def __init__(self, alive: Callable[[], None]) -> None:
        """Join the network; `alive` is called while waiting, and raises if a node has died."""
        super().__init__("demo")
        self._alive = alive
        self._camera = RemoteParameters(self.node, "/camera/camera")
        self._query = self.node.create_publisher(String, "/refseg/query", QOS)
        self._kept: dict[str, dict[Stamp, Any]] = {name: {} for name in PARTS}
        self._delays: dict[Stamp, float] = {}
        self.size: tuple[int, int] | None = None
        """Width and height of the camera's images; None until the camera is heard."""
        self.newest_truth: dict[str, Any] | None = None
        for topic, kind, take in (
            ("/camera/camera_info", CameraInfo, self._on_info),
            ("/camera/truth", String, self._on_truth),
            ("/camera/labels", Image, lambda message: self._keep("labels", message.header, message)),
            ("/refseg/mask", Image, self._on_mask),
            ("/refseg/result", Segmentation, lambda message: self._keep("result", message.header, message)),
            ("/refseg/overlay", Image, lambda message: self._keep("overlay", message.header, message)),
        ):
            self.node.create_subscription(kind, topic, take, QOS)

    def wait(self, look: Callable[[], Value | None], seconds: float, what: str) -> Value:
        """Receive until `look` returns a value, and return that.

        Raises:
            DemoError: no value came within `seconds`; the message names `what` was awaited.
        """
        until = time.monotonic() + seconds
        while (found := look()) is None:
            if time.monotonic() > until:
                raise DemoError(f"{what} did not come within {seconds:g} s")
            self._alive()
            self.spin(0.05)
        return found

    def listen(self, seconds: float) -> None:
        """Receive for some seconds."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._alive()
            self.spin(min(left, 0.05))

    def wait_for_nodes(self, seconds: float) -> None:
        """Wait until camera and node are there."""
        self.wait(lambda: self.size, seconds, "the first image of the camera")
        self.wait(lambda: self._query.get_subscription_count() or None, seconds, "a listener on /refseg/query")

    def show(self, seed: int) -> dict[str, Any]:
        """Let the simulated camera show a scene; return its truth."""
        self.wait(lambda: self._camera.are_ready() or None, 10.0, "the camera's parameter service")
        done = self._camera.set("seed", seed)
        self.wait(lambda: done.done() or None, 20.0, f"the simulated scene {seed}")
        response = done.result()
        if response is None or not response.results[0].successful:
            raise DemoError(f"the camera refused scene {seed}")

        def shown() -> dict[str, Any] | None:
            truth = self.newest_truth
            return truth if truth is not None and truth["seed"] == seed else None

        return self.wait(shown, 20.0, f"the truth of scene {seed}")

    def ask(self, text: str) -> Reply:
        """Publish a query and return the first reply; replies to earlier queries are dropped."""
        self._kept["result"].clear()
        self._query.publish(String(data=text))
        return self.wait(lambda: self.replies(text) or None, ANSWER_WAIT, f"an answer to {text!r}")[0]

    def more_replies(self, text: str, count: int) -> list[Reply]:
        """Wait for `count` replies to the last query; return all, oldest first."""
        replies = self.replies(text)

        def more() -> list[Reply] | None:
            found = self.replies(text)
            return found if len(found) > len(replies) else None

        while len(replies) < count:
            replies = self.wait(more, ANSWER_WAIT, f"answer {len(replies) + 1} of {count} to {text!r}")
        return replies

    def replies(self, text: str) -> list[Reply]:
        """The complete replies so far to the last query, oldest first."""
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
