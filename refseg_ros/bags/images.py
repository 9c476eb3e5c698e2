"""Reads images from a recorded bag, with the same rules for all commands. Without ROS.

A bag is a folder of rosbag2, with metadata.yaml or without, a single .mcap or .db3 file of it, or a .bag of ROS 1.
Broken images are counted and skipped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from refseg_ros.bags.messages import Bag, BagError, RawMessage, open_bag, readable
from refseg_ros.images.encodings import ImageError
from refseg_ros.images.messages import to_rgb
from refseg_ros.text import suggestion

IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
"""Message types of image topics."""
ANSWERS = ("mask", "overlay")
"""Names of the topics on which refseg_ros publishes images; they lie beside topics of its own types."""


class BagImage(NamedTuple):
    """A message of an image topic."""

    moment: int
    """Time in the bag, nanoseconds."""
    message: Any
    """Has the fields of sensor_msgs/Image or CompressedImage."""
    rgb: npt.NDArray[np.uint8]
    """(H, W, 3) uint8 RGB."""


class ImageTopic:
    """The images of one topic of an open bag.

    Attributes:
        name: of the topic.
        refused: reason -> how many images were skipped for it so far.
        lost: a line for each file of the bag that cannot be read; the images are those of the others.
    """

    def __init__(self, bag: Bag, name: str) -> None:
        self.name = name
        self.refused = Counter[str]()
        self.lost = bag.lost
        self._bag = bag

    def nothing(self) -> BagError:
        """The error to raise if no image was read."""
        refused = [f"{count} refused: {reason}" for reason, count in self.refused.most_common(2)]
        reasons = "; ".join([*self.lost[:1], *refused])
        return BagError(
            f"{self._bag.path}: {self.name} holds no image" + (f" that can be read ({reasons})" if reasons else "")
        )

    def images(
        self, every: float = 0.0, white: int | None = None, nth: int = 1, since: int | None = None
    ) -> Iterator[BagImage]:
        """The images in the order of time.

        Args:
            every: least seconds from one image to the next.
            white: for 16-bit pixels, see `encodings.eight_bits`.
            nth: only the first of this many messages is read.
            since: where to begin, in nanoseconds of the bag; None for its beginning.

        Raises:
            BagError: the bag is damaged.
        """
        gap, last = round(every * 1e9), None
        with readable(self._bag.path):
            for number, (moment, message) in enumerate(self._bag.messages(self.name, IMAGES, since)):
                # Where the index of a file is wrong about its times, an image may come before the last one.
                if number % nth or (last is not None and 0 <= moment - last < gap):
                    continue
                try:
                    fields = self._deserialize(message)
                    image = BagImage(moment, fields, to_rgb(fields, white))
                except ImageError as error:
                    self.refused[str(error)] += 1
                    continue
                last = moment
                yield image

    def _deserialize(self, message: RawMessage) -> Any:
        try:
            return self._bag.deserialize(message)
        except Exception as error:  # damaged bytes raise errors of many kinds
            raise ImageError("data", f"a message is damaged: it is not of {message.kind}") from error


@contextmanager
def open_images(bag: Path, topic: str = "") -> Iterator[ImageTopic]:
    """Open the images of a bag.

    Args:
        bag: folder or file.
        topic: of the images; may be empty if the bag has only one image topic, answers of refseg_ros not counted.

    Raises:
        BagError: the bag does not exist or cannot be read, or the topic is no image topic.
    """
    with open_bag(bag) as opened:
        yield ImageTopic(opened, _chosen(opened, topic))


def image_topics(bag: Path) -> list[str]:
    """The topics of a bag that hold images, in alphabetical order, without answers of refseg_ros.

    Raises:
        BagError: there is no such bag, it cannot be read, or it has no such topic.
    """
    with open_bag(bag) as opened:
        there = _without_answers(opened)
        if not there:
            _chosen(opened, "")  # says what there is instead
        return there


def _image_topics(bag: Bag) -> list[str]:
    return sorted({name for name, kind in bag.topics if kind in IMAGES})


def _without_answers(bag: Bag) -> list[str]:
    """The image topics, except ANSWERS in a namespace with topics of refseg_ros's types, and topics below these."""
    beside = {name.rpartition("/")[0] for name, kind in bag.topics if kind.startswith("refseg_ros/msg/")}
    answers = tuple(f"{namespace}/{name}/" for namespace in beside for name in ANSWERS)
    return [topic for topic in _image_topics(bag) if not f"{topic}/".startswith(answers)]


def _chosen(bag: Bag, topic: str) -> str:
    """The topic that is meant.

    Raises:
        BagError: there is none, or more than one.
    """
    if not bag.topics:
        raise BagError(f"{bag.path}: it has no topics; nothing was recorded")
    every, there = _image_topics(bag), _without_answers(bag)
    listed = f"it has images on: {', '.join(there or every)}" if every else "it has no topic of images"
    types = dict(bag.topics)
    if topic and topic not in every:
        if topic in types:
            raise BagError(f"{bag.path}: {topic} is of {types[topic]}; {listed}")
        raise BagError(f"{bag.path}: there is no topic {topic}{suggestion(topic, every)}; {listed}")
    if not topic and len(there) != 1:
        if not every:
            others = ", ".join(f"{name} ({kind})" for name, kind in types.items())
            raise BagError(f"{bag.path}: {listed}, only {others}")
        answers = "" if there else ", which are answers of refseg_ros"
        raise BagError(f"{bag.path}: {listed}{answers}; name one of them as the image topic")
    return topic or there[0]
