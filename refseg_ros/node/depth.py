"""Finds the depth image and the calibration that belong to a colour image."""

from __future__ import annotations

import threading
import time

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from refseg_ros.node.image_transport import DEPTH, ImageSubscription
from refseg_ros.node.messages_3d import size_of_images
from refseg_ros.ros.qos import OVERRIDABLE
from refseg_ros.space.pairing import NANOSECONDS, StampedBuffer

PATIENCE = 0.1
"""Seconds to wait for the depth image of an answered image, if depth has been coming."""
BEGINNING = 3.0
"""Seconds in which it is no fault that depth and calibration have not come yet."""
LOOK = 1.0
"""Seconds from one look for a transient-local calibration to the next, until one came."""
MOST_IN_VAIN = 3
"""After waiting in vain for so many images in a row the node no longer waits for depth, until some comes again."""
KEPT_UNREAD = 5
"""Queue depth of the subscriptions: one of these depth images is wanted, and not always the newest."""


class DepthError(ValueError):
    """There is no depth for an image; the message says why."""


class Depth:
    """Receives depth images and calibrations in the executor's thread, and gives them to the worker's."""

    def __init__(self, node: Node, topic: str, info_topic: str, tolerance: float, transport: str) -> None:
        """Subscribe.

        Args:
            node: the owner of the subscriptions.
            topic: of the depth images, without the suffix of the transport.
            info_topic: of the calibrations.
            tolerance: how far apart two stamps of one moment may be, in seconds.
            transport: of the depth images, a key of image_transport.DEPTH.
        """
        self._node, self._info_topic = node, info_topic
        self._opened, self._has_paired = time.monotonic(), False
        self._came = threading.Condition()
        self._in_vain = MOST_IN_VAIN
        self._wanted = 0
        """Stamp of the image whose turn it is; 0 for none."""
        self._held: Image | CompressedImage | None = None
        """The nearest depth image to it that came, which the buffer may have dropped."""
        self._images: StampedBuffer[Image | CompressedImage] = StampedBuffer(tolerance)
        self._infos: StampedBuffer[CameraInfo] = StampedBuffer(tolerance)
        self._info_topics = [
            node.create_subscription(
                CameraInfo,
                info_topic,
                self._on_info,
                QoSProfile(depth=KEPT_UNREAD, reliability=ReliabilityPolicy.BEST_EFFORT),
                qos_overriding_options=OVERRIDABLE,
            )
        ]
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._looking = node.create_timer(LOOK, self._look_for_kept_infos, clock=steady)
        self._depth = ImageSubscription(node, DEPTH[transport], topic, self._on_image, KEPT_UNREAD)

    def listen(self, transport: str) -> None:
        """Subscribe to depth images that come by another transport."""
        with self._came:
            self._images.clear()
            self._wanted, self._held = 0, None
            self._in_vain = MOST_IN_VAIN
        self._depth.listen(DEPTH[transport])

    def hold(self, stamp: int) -> None:
        """Keep the depth image of a stamp until the next call, also one that is still to come.

        `at` may want it when the buffer has dropped it: an inference can take longer than the buffer reaches.
        """
        with self._came:
            self._wanted, self._held = stamp, None
            self._hold_nearest()

    def _hold_nearest(self) -> None:
        self._held = self._nearest(self._wanted) if self._wanted else None

    def _nearest(self, stamp: int) -> Image | CompressedImage | None:
        held = self._held if stamp == self._wanted else None
        there = [image for image in (self._images.at(stamp), held) if image is not None]
        return min(there, key=lambda one: abs(nanoseconds_of(one.header) - stamp), default=None)

    @property
    def is_settled(self) -> bool:
        """Whether depth and calibration came for an image, or are overdue; before that it is no fault to miss them."""
        return self._has_paired or time.monotonic() - self._opened > BEGINNING

    def at(self, stamp: int, size: tuple[int, int]) -> tuple[Image | CompressedImage, CameraInfo]:
        """The depth image and the calibration of a moment.

        The calibration is the one of that moment. If there is none (some drivers send it once), it is the last
        one for images of that size, or else the last one: lenses seldom change. The caller must check the size.

        Args:
            stamp: of the image, nanoseconds.
            size: of the image, width and height in pixels.

        Raises:
            DepthError: one of them is missing, or the stamp is 0.
        """
        if not stamp:
            raise DepthError("the image's stamp is 0; depth belongs to a moment, so the camera's driver must set it")
        with self._came:
            is_awaited = self._in_vain < MOST_IN_VAIN and len(self._infos) > 0
            if is_awaited and not self._came.wait_for(lambda: self._images.is_final(stamp), PATIENCE):
                self._in_vain += 1
            image = self._nearest(stamp)
            if image is None:
                raise DepthError(self._why_none(stamp))
            info = self._infos.at(stamp) or self._infos.newest(lambda other: size_of_images(other) == size)
            info = info or self._infos.newest(lambda _: True)
            if info is None:
                topic = self._info_topics[0].topic_name
                raise DepthError(f"no camera_info came on {topic}{self._nobody(topic, 'camera_info_topic')}")
            self._has_paired = True
            return image, info

    def _why_none(self, stamp: int) -> str:
        topic, begin = self._depth.topic, self._images.begin()
        if begin is not None and stamp < begin:
            late = (begin - stamp) / NANOSECONDS
            return f"the depth image of this moment is forgotten: on {topic} they are kept from {late:.2g} s later on"
        within = f"within {self._images.tolerance:g} s of the image's stamp on {topic}"
        return f"no depth image came {within}{self._nobody(topic, 'depth_topic, depth_transport')}"

    def _nobody(self, topic: str, settings: str) -> str:
        """The end of a sentence about a topic, where nobody publishes it."""
        return "" if self._node.count_publishers(topic) else f", and nobody publishes it: see {settings}"

    def _look_for_kept_infos(self) -> None:
        """If no calibration comes, take the one that a transient-local publisher sent before this node began.

        Without such a publisher this does not subscribe: the others would not match, and would warn.
        """
        if not len(self._infos):
            offers = self._node.get_publishers_info_by_topic(self._info_topic)
            if all(offer.qos_profile.durability != DurabilityPolicy.TRANSIENT_LOCAL for offer in offers):
                return
            qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
            kept = self._node.create_subscription(CameraInfo, self._info_topic, self._on_info, qos)
            self._info_topics.append(kept)
        self._looking.cancel()

    def close(self) -> None:
        """Listen no more."""
        self._node.destroy_timer(self._looking)
        self._depth.close()
        for subscription in self._info_topics:
            self._node.destroy_subscription(subscription)

    def _on_image(self, message: Image | CompressedImage) -> None:
        with self._came:
            self._images.put(nanoseconds_of(message.header), message)
            self._hold_nearest()
            self._in_vain = 0
            self._came.notify_all()

    def _on_info(self, message: CameraInfo) -> None:
        with self._came:
            self._infos.put(nanoseconds_of(message.header), message)


def nanoseconds_of(header: Header) -> int:
    """The stamp of a header, in nanoseconds."""
    return int(header.stamp.sec * NANOSECONDS + header.stamp.nanosec)
