"""Answer expressions on every image of a recorded bag, by the node's own code, without ROS running.

    python -m refseg_ros.replay bag/ "the red mug"                 writes bag.refseg/
    python -m refseg_ros.replay bag/ "the red mug; the bowl" --image-topic /front/image_raw -o answers/

The new bag has /refseg/result, /refseg/mask and /refseg/bbox, each message at the time of its image in the old one. The
same bag, expressions and model give the same messages. Exit code 0 when the bag was written; 2 with one line on stderr
when it was not; 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ament_index_python.packages import get_package_share_directory
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CompressedImage, Image

from refseg_ros.answer import Answer, Verdict
from refseg_ros.config import SegmenterConfig
from refseg_ros.errors import EngineError
from refseg_ros.images import ImageError, to_rgb
from refseg_ros.msg import Segmentation
from refseg_ros.node.freshness import frame_age
from refseg_ros.node.messages import result_message
from refseg_ros.node.queries import Query, QueryError, Questions
from refseg_ros.node.stability import Stability
from refseg_ros.node_config import SegmentNodeConfig
from refseg_ros.segmenter import Segmenter
from refseg_ros.terminal import printable

try:
    from rosbags.interfaces import Connection
    from rosbags.rosbag2 import Reader, ReaderError, StoragePlugin, Writer, WriterError
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore
except ModuleNotFoundError as error:
    if error.name != "rosbags":
        raise
    sys.exit("error: replaying bags needs rosbags: pip install rosbags")

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

_HELP = {name: field.metadata["description"] for name, field in SegmenterConfig.__dataclass_fields__.items()}


class ReplayError(ValueError):
    """The bag cannot be replayed; the message says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        _replay(options)
    except (ReaderError, WriterError, sqlite3.Error) as error:
        return _refused(f"{options.bag}: {error}")
    except (OSError, ValueError, EngineError) as error:
        return _refused(str(error))
    except KeyboardInterrupt:
        print("stopped; nothing was written", file=sys.stderr)
        return 130
    return 0


def _refused(reason: str) -> int:
    print(f"error: {printable(reason)}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    lines = (__doc__ or "").splitlines()
    parser = argparse.ArgumentParser(prog="python -m refseg_ros.replay", description=lines[0])
    parser.add_argument("bag", type=Path, help="a bag of rosbag2 (SQLite or MCAP): its folder")
    parser.add_argument("expression", help='what to find; several: "the red mug; the bowl"')
    parser.add_argument("-o", "--output", type=Path, help="bag to write (default: BAG.refseg)")
    parser.add_argument("--image-topic", default="", help="which images, where the bag has several topics of them")
    parser.add_argument("--model", default=SegmenterConfig.model, help=_HELP["model"])
    parser.add_argument("--threads", type=int, default=SegmenterConfig.threads, help=_HELP["threads"])
    return parser


def _replay(options: argparse.Namespace) -> None:
    bag: Path = options.bag.absolute()
    if not bag.is_dir() or not (bag / "metadata.yaml").is_file():
        reason = "has no metadata.yaml, so it is no bag of rosbag2" if bag.is_dir() else "there is no such folder"
        raise ReplayError(f"{options.bag}: {reason}")
    output: Path = options.output.absolute() if options.output else bag.with_name(f"{bag.name}.refseg")
    if output.exists():
        raise ReplayError(f"{options.output or output}: it exists already; give another name with -o")
    try:
        queries = Questions().number(options.expression)
    except QueryError as error:
        raise ReplayError(str(error)) from error
    with Reader(bag) as reader:
        images = _image_connections(reader, options.image_topic, str(options.bag))
        segmenter = Segmenter(options.model, threads=options.threads)
        with _new_bag(output, _storage_of(bag)) as writer:
            verdicts, refused = _answer_all(reader, images, writer, segmenter, queries)
    for reason, count in refused.most_common():
        print(f"images refused: {count}: {printable(reason)}", file=sys.stderr)
    print(f"{sum(verdicts.values())} answers: " + ", ".join(f"{name} {n}" for name, n in verdicts.most_common()))
    print(f"wrote {printable(str(options.output or output))}")


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


if __name__ == "__main__":
    sys.exit(main())
