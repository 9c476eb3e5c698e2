"""What the page watches of one camera: its topics, subscribed to only while somebody looks at it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from rclpy.task import Future
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String

from refseg_ros.images.messages import ImageError, to_array, to_depth, to_rgb
from refseg_ros.msg import Segmentation
from refseg_ros.node.depth import Depth, DepthError, nanoseconds_of
from refseg_ros.node.entities import forget_destroyed
from refseg_ros.node.image_transport import COLOUR, ImageSubscription
from refseg_ros.node.messages import answer_of
from refseg_ros.node.messages_3d import are_rectified, lens_of_message
from refseg_ros.node.queries import MOST_EXPRESSIONS
from refseg_ros.ros.node_config import CAMERA_MARK, depth_transport_of
from refseg_ros.ros.qos import OVERRIDABLE
from refseg_ros.ros.remote_parameters import RemoteParameters
from refseg_ros.space.pinhole import LensError
from refseg_ros.web.cloud import Cloud, cloud_of
from refseg_ros.web.config import WebConfig
from refseg_ros.web.hub import Hub
from refseg_ros.web.moment import Moment, Place, Sighting


class Watching:
    """The topics of one camera.

    Args:
        node: the subscriber.
        config: of the node.
        hub: where images, answers and truth go.
        name: of the camera; empty for the only one.
        on_answer: called with the expression of each answer.
        refuse: called with the kind of a fault and its reason.
    """

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
        self._images: ImageSubscription | None = None
        self._open: list[Subscription] = []
        self._depth: Depth | None = None
        self._camera = RemoteParameters(node, f"{self._beside}/camera")

    def open(self, watched: bool, in_space: bool) -> None:
        """Subscribe or unsubscribe: images if `watched`, depth if `in_space`."""
        if watched and self._images is None:
            self._subscribe()
        elif not watched and self._images is not None:
            for subscription in self._open:
                self._node.destroy_subscription(subscription)
            self._images.close()
            self._images = None
        if in_space and self._depth is None and self._config.depth_topic:
            topics = (self._config.depth_topic, self._config.camera_info_topic)
            topic, info_topic = (one.replace(CAMERA_MARK, self._name) for one in topics)
            transport = depth_transport_of(self._config.depth_transport, self._config.image_transport)
            self._depth = Depth(self._node, topic, info_topic, self._config.depth_tolerance, transport)
        elif not in_space and self._depth is not None:
            self._depth.close()
            self._depth = None
            forget_destroyed(self._node)

    @property
    def can_set(self) -> bool:
        """Whether there is a node `camera` whose parameters can be set."""
        try:
            return self._camera.are_ready()
        except Exception:  # rclpy raises if the page's thread asks after the context has ended
            if self._node.context.ok():
                raise
            return False

    def show_scene(self, seed: int) -> None:
        """Have the node `camera` show the scene of a seed, where it is there."""
        if self.can_set:
            self._camera.set("seed", seed)

    def set_moving(self, moving: bool) -> None:
        """Have things move or rest, where the node `camera` is there; the truth says so once it has agreed."""

        def done(future: Future) -> None:
            response = future.result()
            if response is not None and response.results[0].successful:
                self._truth.moving = moving

        if self.can_set:
            self._camera.set("moving", "yes" if moving else "no").add_done_callback(done)

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
        fits = metres.shape == (height, width) and (lens.width, lens.height) == (width, height)
        return cloud_of(moment.rgb, metres, lens) if fits else None

    def _subscribe(self) -> None:
        sensor = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        prefix = f"{self._name}/" if self._name else ""
        node = self._node
        transport = COLOUR[self._config.image_transport]
        self._images = ImageSubscription(node, transport, self._image_topic, self._guarded("image", self._on_image))
        self._open = [
            node.create_subscription(String, f"{self._beside}/truth", self._guarded("truth", self._on_truth), sensor),
            node.create_subscription(Image, f"{self._beside}/labels", self._guarded("labels", self._on_labels), sensor),
            node.create_subscription(
                Segmentation,
                f"{prefix}result",
                self._guarded("result", self._on_result),
                QoSProfile(depth=MOST_EXPRESSIONS),
                qos_overriding_options=OVERRIDABLE,
            ),
        ]

    def _guarded(self, kind: str, take: Callable[[Any], None]) -> Callable[[Any], None]:
        """Wrap the callback of a kind of message: a refused one costs only itself."""
        return partial(self._take, kind, take)

    def _take(self, kind: str, take: Callable[[Any], None], message: Any) -> None:
        try:
            take(message)
        except ImageError as error:
            self._refuse(error.kind, f"image refused: {error}")
        except ValueError as error:
            self._refuse(kind, f"{kind} refused: {error}")

    def _on_image(self, message: Image | CompressedImage) -> None:
        rgb = to_rgb(message, self._config.white)
        if self._stream.put_image(nanoseconds_of(message.header), message.header.frame_id, rgb):
            self._hub.wake(self._name)

    def _on_truth(self, message: String) -> None:
        self._truth.put_scene(message.data)

    def _on_labels(self, message: Image) -> None:
        if any(viewer.with_truth for viewer in self._hub.viewers):
            self._truth.put_labels(nanoseconds_of(message.header), to_array(message).copy())

    def _on_result(self, message: Segmentation) -> None:
        self._on_answer(message.query)
        if self._stream.put_sighting(nanoseconds_of(message.header), sighting_of(message)):
            self._hub.wake(self._name)


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
