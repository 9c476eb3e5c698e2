"""From a bag of images to a bag of answers, by the node's own code, image by image."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ament_index_python.packages import get_package_share_directory
from rclpy.serialization import deserialize_message, serialize_message
from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader, ReaderError, StoragePlugin, Writer, WriterError
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from sensor_msgs.msg import CompressedImage, Image

from refseg_ros.answer import Answer, Verdict
from refseg_ros.images import ImageError, to_rgb
from refseg_ros.msg import Segmentation
from refseg_ros.node.freshness import frame_age
from refseg_ros.node.messages import result_message
from refseg_ros.node.queries import Query, QueryError, Questions
from refseg_ros.node.stability import Stability
from refseg_ros.node_config import SegmentNodeConfig
from refseg_ros.segmenter import Segmenter

IMAGES = {"sensor_msgs/msg/Image": Image, "sensor_msgs/msg/CompressedImage": CompressedImage}
"""Types of the topics that can be replayed."""
OUTPUTS = {
    "result": "refseg_ros/msg/Segmentation",
    "mask": "sensor_msgs/msg/Image",
    "bbox": "refseg_ros/msg/BoundingBox",
}
"""Names of the topics that are written, below /refseg, and their types."""
FORMAT: Final = 8
"""Of the bag that is written."""


class ReplayError(ValueError):
    """The bag cannot be replayed; the message says why."""


def replay(
    bag: Path, output: Path, text: str, topic: str, *, model: str, threads: int
) -> tuple[Counter[str], Counter[str]]:
    """Answer expressions on every image of a topic, and write a new bag with the answers.

    Args:
        bag: folder of a bag of rosbag2.
        output: folder to make; it has its name only once it is whole.
        text: an expression, or several, as a query over ROS has them.
        topic: of the images; empty where the bag has one such topic alone.
        model: as of `SegmenterConfig`.
        threads: as of `SegmenterConfig`.

    Returns:
        How many answers had which verdict, and how many images were refused for which reason.

    Raises:
        ReplayError: the bag, the topic or the text is not one that can be replayed; the message says why.
        OSError: the new bag cannot be written.
        BundleError, ValueError: as `Segmenter`.
    """
    if not bag.is_dir() or not (bag / "metadata.yaml").is_file():
        reason = "has no metadata.yaml, so it is no bag of rosbag2" if bag.is_dir() else "there is no such folder"
        raise ReplayError(f"{bag}: {reason}")
    if output.exists():
        raise ReplayError(f"{output}: it exists already; give another name with -o")
    try:
        queries = Questions().number(text)
    except QueryError as error:
        raise ReplayError(str(error)) from error
    try:
        with Reader(bag.absolute()) as reader:
            images = _image_connections(reader, topic, str(bag))
            segmenter = Segmenter(model, threads=threads)
            with _new_bag(output.absolute(), _storage_of(bag)) as writer:
                return _answer_all(reader, images, writer, segmenter, queries)
    except (ReaderError, WriterError, sqlite3.Error) as error:
        raise ReplayError(f"{bag}: {error}") from error


def _image_connections(reader: Reader, topic: str, bag: str) -> list[Connection]:
    """The bag's records of the one topic that is to be replayed."""
    kinds = " or ".join(IMAGES)
    there = sorted({connection.topic for connection in reader.connections if connection.msgtype in IMAGES})
    listed = f"its topics of {kinds} are {', '.join(there)}" if there else f"it has no topic of {kinds}"
    if topic:
        types = {connection.msgtype for connection in reader.connections if connection.topic == topic}
        if not types:
            raise ReplayError(f"{bag}: there is no topic {topic}; {listed}")
        if not types <= IMAGES.keys():
            raise ReplayError(f"{bag}: {topic} is of {', '.join(sorted(types))}; {listed}")
    elif len(there) != 1:
        others = ", ".join(sorted(f"{item.topic} ({item.msgtype})" for item in reader.connections)) or "nothing"
        raise ReplayError(f"{bag}: {listed}" + ("; name one with --image-topic" if there else f", only {others}"))
    return [connection for connection in reader.connections if connection.topic == (topic or there[0])]


def _answer_all(
    reader: Reader, images: list[Connection], writer: Writer, segmenter: Segmenter, queries: Sequence[Query]
) -> tuple[Counter[str], Counter[str]]:
    """Write the answers on every image; how many had which verdict, how many images were refused and why."""
    outputs = _open_outputs(writer)
    stream, stability = segmenter.stream(), Stability()
    verdicts: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for connection, moment, data in reader.messages(images):
        message = deserialize_message(bytes(data), IMAGES[connection.msgtype])
        stamp = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
        try:
            stream.observe(to_rgb(message), stamp)
        except ValueError as error:
            refused[error.kind if isinstance(error, ImageError) else str(error)] += 1
            continue
        arrival = moment * 1e-9
        age = frame_age(stamp, arrival, arrival)
        for query, answer in zip(queries, stream.answer([query.text for query in queries]), strict=True):
            result = _result(answer, query, stability, age, message)
            for name, part in (("result", result), ("mask", result.mask), ("bbox", result.box)):
                writer.write(outputs[name], moment, serialize_message(part))
            verdicts[Verdict(result.verdict).name] += 1
    return verdicts, refused


def _result(
    answer: Answer, query: Query, stability: Stability, age: float, message: Image | CompressedImage
) -> Segmentation:
    standing = stability.judge(query.id, answer, SegmentNodeConfig.stable_frames)
    return result_message(answer, query, standing, age, message.header)


def _open_outputs(writer: Writer) -> dict[str, Any]:
    types = get_typestore(Stores.ROS2_HUMBLE)
    for path in (Path(get_package_share_directory("refseg_ros")) / "msg").glob("*.msg"):
        types.register(get_types_from_msg(path.read_text("utf-8"), f"refseg_ros/msg/{path.stem}"))
    return {name: writer.add_connection(f"/refseg/{name}", kind, typestore=types) for name, kind in OUTPUTS.items()}


def _storage_of(bag: Path) -> StoragePlugin:
    return StoragePlugin.MCAP if any(bag.glob("*.mcap*")) else StoragePlugin.SQLITE3


@contextmanager
def _new_bag(output: Path, storage: StoragePlugin) -> Iterator[Writer]:
    """A bag that has its final name only once it is whole; the files in it are named after it, too."""
    if not output.parent.is_dir():
        raise ReplayError(f"{output}: cannot be written, there is no folder {output.parent}")
    partial = output.with_name(f".{output.name}.{os.getpid()}.partial")
    try:
        partial.mkdir()
        with Writer(partial / output.name, version=FORMAT, storage_plugin=storage) as writer:
            yield writer
        os.replace(partial / output.name, output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
