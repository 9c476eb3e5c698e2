"""Cut frames out of a ROS bag: `python -m model_training.datasets.from_bag BAG --topic /camera/image_raw OUT`.

Makes a folder of own frames (docs/datasets.md): `images/`, an empty `masks/`, and `expressions.csv` with its header, to
be filled by a person. Reads rosbag2 as sqlite3 or mcap, and ROS 1 bags; no ROS is needed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from model_training.datasets.own_frames import COLUMNS, TABLE
from refseg_ros.files import write_bytes
from refseg_ros.images import ImageError, to_rgb
from refseg_ros.media import write_png

IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
"""Types of messages that hold pictures."""


def cut(bag: Path, topic: str, folder: Path, every: float) -> int:
    """Write frames of a topic as PNG, named by their time in the bag in nanoseconds; returns how many.

    Args:
        bag: folder of a rosbag2, or a single file of one.
        topic: of images, raw or compressed.
        folder: to make; frames that an earlier run made are kept, and so is its table.
        every: seconds from one frame to the next, at least.

    Raises:
        ValueError, OSError: the bag, the topic or a message cannot be read; the message says which.
    """
    images = folder / "images"
    count = 0
    for time, pixels in frames_of(bag, topic, every):
        images.mkdir(parents=True, exist_ok=True)
        write_png(images / f"{time}.png", pixels)
        count += 1
    if not count:
        raise ValueError(f"{bag}: no message of {topic} is in it")
    (folder / "masks").mkdir(exist_ok=True)
    if not (folder / TABLE).exists():
        write_bytes(folder / TABLE, (",".join(COLUMNS) + "\n").encode())
    return count


def frames_of(bag: Path, topic: str, every: float) -> Iterator[tuple[int, np.ndarray]]:
    """(nanoseconds, (H, W, 3) uint8 RGB) of the frames of a topic, `every` seconds apart or more.

    Raises:
        ValueError, OSError: as `cut`.
    """
    if not bag.exists():
        raise FileNotFoundError(f"{bag}: there is no such bag")
    try:
        # Bags of before 2023 do not say what their messages are made of.
        with AnyReader([bag], default_typestore=get_typestore(Stores.ROS2_HUMBLE)) as reader:
            wanted = [connection for connection in reader.connections if connection.topic == topic]
            if not wanted or wanted[0].msgtype not in IMAGES:
                offered = sorted({of.topic for of in reader.connections if of.msgtype in IMAGES})
                raise ValueError(f"{bag}: has no images on {topic}; it has them on: {', '.join(offered) or 'no topic'}")
            due = None
            for connection, time, raw in reader.messages(connections=wanted):
                if due is None or time >= due:
                    due = time + round(every * 1e9)
                    try:
                        pixels = to_rgb(reader.deserialize(raw, connection.msgtype))
                    except ImageError as error:
                        raise ValueError(f"{bag}: {topic} at {time} ns: not a picture in colours ({error})") from error
                    yield time, pixels
    except (ValueError, OSError):
        raise
    except Exception as error:  # what the storages and the decoder raise on a damaged bag has no common base
        raise ValueError(f"{bag}: not a bag that can be read ({' '.join(str(error).split())})") from None


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m model_training.datasets.from_bag", description=__doc__.splitlines()[0]
    )
    parser.add_argument("bag", type=Path, metavar="BAG")
    parser.add_argument("--topic", required=True, help="of images, raw or compressed")
    parser.add_argument("--every", type=float, default=1.0, help="seconds from frame to frame, at least (%(default)s)")
    parser.add_argument("folder", type=Path, metavar="OUT", help="folder of own frames to make")
    options = parser.parse_args(arguments)
    try:
        if not 0 <= options.every < 1e6:
            raise ValueError(f"--every is {options.every}; it must be 0 or more seconds")
        count = cut(options.bag, options.topic, options.folder, options.every)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"wrote {count} frames to {options.folder / 'images'}; draw masks/, write {options.folder / TABLE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
