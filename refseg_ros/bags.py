"""Reads images from a recorded bag, with the same rules for all commands. Without ROS.

A bag is a folder of rosbag2, a single .mcap or .db3 file of it, or a .bag of ROS 1. Broken images are counted
and skipped.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection
from rosbags.typesys import Stores, get_typestore

from refseg_ros.images.encodings import ImageError
from refseg_ros.images.messages import to_rgb
from refseg_ros.text import one_line

IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
"""Message types of image topics."""


class BagError(ValueError):
    """A bag or a topic cannot be read; the message gives the reason in one line."""


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
    """

    def __init__(self, reader: AnyReader, bag: Path, connections: list[Connection]) -> None:
        self.name = connections[0].topic
        self.refused: Counter[str] = Counter()
        self._reader, self._bag, self._connections = reader, bag, connections

    def nothing(self) -> BagError:
        """The error to raise if no image was read."""
        reasons = "; ".join(f"{count} refused: {reason}" for reason, count in self.refused.most_common(2))
        return BagError(
            f"{self._bag}: {self.name} holds no image" + (f" that can be read ({reasons})" if reasons else "")
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
        due: int | None = None
        with _readable(self._bag):
            messages = self._reader.messages(connections=self._connections, start=since)
            for number, (connection, moment, data) in enumerate(messages):
                if number % nth or (due is not None and moment < due):
                    continue
                try:
                    message = self._deserialize(data, connection.msgtype)
                    image = BagImage(moment, message, to_rgb(message, white))
                except ImageError as error:
                    self.refused[str(error)] += 1
                    continue
                due = moment + round(every * 1e9)
                yield image

    def _deserialize(self, data: bytes, kind: str) -> Any:
        try:
            return self._reader.deserialize(data, kind)
        except Exception as error:  # damaged bytes raise errors of many kinds
            raise ImageError("data", f"a message is damaged: it is not of {kind}") from error


@contextmanager
def open_images(bag: Path, topic: str = "") -> Iterator[ImageTopic]:
    """Open the images of a bag.

    Args:
        bag: folder or file.
        topic: of the images; may be empty if the bag has only one image topic.

    Raises:
        BagError: the bag does not exist or cannot be read, or the topic is no image topic.
    """
    with _opened(bag) as reader:
        yield ImageTopic(reader, bag, _connections(reader, bag, topic))


def image_topics(bag: Path) -> list[str]:
    """The topics of a bag that hold images, in alphabetical order.

    Raises:
        BagError: there is no such bag, it cannot be read, or it has no such topic.
    """
    with _opened(bag) as reader:
        there = _image_topics(reader)
        if not there:
            _connections(reader, bag, "")  # says what there is instead
        return there


@contextmanager
def _opened(bag: Path) -> Iterator[AnyReader]:
    if not bag.exists():
        raise BagError(f"{bag}: there is no such bag")
    with _readable(bag):
        # Bags from before 2023 do not contain their message definitions.
        reader = AnyReader([bag], default_typestore=get_typestore(Stores.ROS2_HUMBLE))
        reader.open()
    try:
        yield reader
    finally:
        reader.close()


def _image_topics(reader: AnyReader) -> list[str]:
    return sorted({connection.topic for connection in reader.connections if connection.msgtype in IMAGES})


@contextmanager
def _readable(bag: Path) -> Iterator[None]:
    """Turn the errors of storages and decoders on a damaged bag, which have no common base, into a BagError."""
    try:
        yield
    except Exception as error:
        raise BagError(f"{bag}: not a bag that can be read ({one_line(error)})") from error


def _connections(reader: AnyReader, bag: Path, topic: str) -> list[Connection]:
    there = _image_topics(reader)
    listed = f"it has images on: {', '.join(there)}" if there else "it has no topic of images"
    types = {connection.topic: connection.msgtype for connection in reader.connections}
    if topic and topic not in there:
        if topic in types:
            raise BagError(f"{bag}: {topic} is of {types[topic]}; {listed}")
        close = difflib.get_close_matches(topic, there, n=1, cutoff=0.8) or [
            name for name in there if name.lstrip("/") == topic
        ]
        meant = f"; did you mean {close[0]}?" if close else ""
        raise BagError(f"{bag}: there is no topic {topic}{meant}; {listed}")
    if not topic and len(there) != 1:
        others = ", ".join(f"{name} ({kind})" for name, kind in sorted(types.items())) or "nothing"
        raise BagError(f"{bag}: {listed}" + ("; name one of them" if there else f", only {others}"))
    name = topic or there[0]
    return [connection for connection in reader.connections if connection.topic == name]
