"""From a bag of images to a bag of answers, by the node's own code, image by image."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from ament_index_python.packages import get_package_share_directory
from builtin_interfaces.msg import Time
from rclpy.serialization import serialize_message
from rosbags.rosbag2 import StoragePlugin, Writer, WriterError
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from std_msgs.msg import Header

from refseg_ros.answer import Verdict
from refseg_ros.bags.images import ImageTopic, open_images
from refseg_ros.images.messages import ImageError
from refseg_ros.node.answering import Frame, answer, results
from refseg_ros.node.freshness import frame_age
from refseg_ros.node.model import Model
from refseg_ros.node.queries import ActiveQueries, Query, QueryError
from refseg_ros.ros.node_config import SegmentNodeConfig
from refseg_ros.segmenter import Segmenter

OUTPUTS = {
    "result": "refseg_ros/msg/Segmentation",
    "mask": "sensor_msgs/msg/Image",
    "bbox": "refseg_ros/msg/BoundingBox",
}
"""Names of the topics that are written, below /refseg, and their types."""
FORMAT: Final = 8
"""Version of the format of the new bag."""


class ReplayError(ValueError):
    """The bag cannot be replayed; the message says why."""


class Replayed(NamedTuple):
    """What became of a bag."""

    verdicts: Counter[str]
    """How many answers had which verdict."""
    refused: Counter[str]
    """How many images were passed over for which reason."""
    remarks: list[str]
    """Notes on the expressions, such as unknown words."""
    lost: list[str]
    """A line for each file of the bag that could not be read."""


def replay(
    bag: Path, output: Path, text: str, topic: str, *, model: str, threads: int, white: int | None = None
) -> Replayed:
    """Answer expressions on every image of a topic, and write a new bag with the answers.

    Args:
        bag: as `refseg_ros.bags.images` reads it.
        output: folder to make; it gets its name only when it is complete.
        text: one expression, or several, as on the topic `query`.
        topic: of the images; may be empty if the bag has only one such topic.
        model: see `SegmenterConfig`.
        threads: see `SegmenterConfig`.
        white: for 16-bit pixels, see `images.encodings.eight_bits`.

    Raises:
        BagError: the bag or the topic cannot be read, or holds no image.
        ReplayError: the text or the name of the new bag cannot be used, or the new bag cannot be written.
        BundleError, EngineError, ValueError: as `Segmenter`.
    """
    if output.exists():
        raise ReplayError(f"{output}: it exists already; give another name with -o")
    try:
        queries = ActiveQueries().number(text)
    except QueryError as error:
        raise ReplayError(str(error)) from error
    try:
        with open_images(bag, topic) as source:
            loaded = Model(lambda: Segmenter(model, threads=threads), lambda line: print(line, file=sys.stderr))
            loaded.load()
            with _new_bag(output.absolute(), _storage_of(bag)) as writer:
                return _answer_all(source, writer, loaded, queries, white)
    except WriterError as error:
        raise ReplayError(f"{output}: {error}") from error


def _answer_all(
    source: ImageTopic, writer: Writer, model: Model, queries: Sequence[Query], white: int | None
) -> Replayed:
    """Write the answers on every image.

    Raises:
        BagError: no image was answered.
    """
    outputs = _open_outputs(writer)
    past, wanted = model.past(), SegmentNodeConfig.stable_frames
    verdicts: Counter[str] = Counter()
    remarks: dict[str, None] = {}
    for moment, message, rgb in source.images(white=white):
        frame = Frame(_header(message), rgb)
        try:
            answers = answer(model, past, frame, queries)
        except ImageError as error:
            source.refused[str(error)] += 1
            continue
        arrival = moment * 1e-9
        standings = [past.stability.judge(query.id, one, wanted) for query, one in zip(queries, answers, strict=True)]
        age = frame_age(frame.stamp, arrival, arrival)
        remarks.update(dict.fromkeys(remark for one in answers for remark in one.remarks))
        for result in results(frame, queries, answers, age, standings):
            for name, part in (("result", result), ("mask", result.mask), ("bbox", result.box)):
                writer.write(outputs[name], moment, serialize_message(part))
            verdicts[Verdict(result.verdict).name] += 1
    if not verdicts:
        raise source.nothing()
    return Replayed(verdicts, source.refused, list(remarks), source.lost)


def _header(message: Any) -> Header:
    """The header of a message of rosbags, as a message of ROS."""
    stamp = message.header.stamp
    return Header(stamp=Time(sec=stamp.sec, nanosec=stamp.nanosec), frame_id=message.header.frame_id)


def _open_outputs(writer: Writer) -> dict[str, Any]:
    types = get_typestore(Stores.ROS2_HUMBLE)
    for path in (Path(get_package_share_directory("refseg_ros")) / "msg").glob("*.msg"):
        types.register(get_types_from_msg(path.read_text("utf-8"), f"refseg_ros/msg/{path.stem}"))
    return {name: writer.add_connection(f"/refseg/{name}", kind, typestore=types) for name, kind in OUTPUTS.items()}


def _storage_of(bag: Path) -> StoragePlugin:
    files = bag.glob("*") if bag.is_dir() else [bag]
    return StoragePlugin.MCAP if any(".mcap" in path.suffixes for path in files) else StoragePlugin.SQLITE3


@contextmanager
def _new_bag(output: Path, storage: StoragePlugin) -> Iterator[Writer]:
    """A bag that moves to `output` when it is complete; its files have their final names from the beginning."""
    if not output.parent.is_dir():
        raise ReplayError(f"{output}: cannot be written, there is no folder {output.parent}")
    partial = output.with_name(f".{output.name}.{os.getpid()}.partial")
    try:
        partial.mkdir()
        with Writer(partial / output.name, version=FORMAT, storage_plugin=storage) as writer:
            yield writer
        os.replace(partial / output.name, output)
    except (OSError, sqlite3.Error) as error:  # what reads the old bag raises its own errors
        raise ReplayError(f"{output}: cannot be written: {getattr(error, 'strerror', None) or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
