"""Extract frames from a ROS bag: `python -m model_training.datasets.from_bag BAG --topic /camera/image_raw OUT`.

Makes a folder of own frames (docs/datasets.md): `images/`, an empty `masks/`, and `expressions.csv` with only its
header, for a person to fill in. Reads rosbag2 (SQLite or MCAP) and ROS 1 bags; needs no ROS.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence, Set
from itertools import count
from pathlib import Path

import numpy as np

from model_training.datasets.frames import read_image
from refseg_ros.bags.images import ImageTopic, open_images
from refseg_ros.command import command, program
from refseg_ros.config import add_option
from refseg_ros.files import write_bytes
from refseg_ros.images.encodings import white_of
from refseg_ros.media.files import write_png
from refseg_ros.media.own_frames import EMPTY_TABLE, TABLE
from refseg_ros.ros.node_config import SegmentNodeConfig
from refseg_ros.text import printable


def cut(bag: Path, topic: str, folder: Path, every: float, white: int | None = None) -> tuple[int, ImageTopic]:
    """Write frames of a topic as PNG files, named by their time in the bag in nanoseconds.

    The second frame of a moment is named TIME_2, and so on; the same bag again writes nothing new. The frames before a
    damaged place in the bag are kept.

    Args:
        bag: folder of a rosbag2, a single file of one, or a ROS 1 bag.
        topic: of images, raw or compressed.
        folder: where to write; frames and table of an earlier run are kept.
        every: least seconds from one frame to the next.
        white: for 16-bit pixels, see `refseg_ros.images.encodings.eight_bits`.

    Returns:
        The number of frames, and their source, which lists what could not be read.

    Raises:
        ValueError, OSError: the bag or the topic cannot be read, or holds no image; the message says which.
    """
    written: set[Path] = set()
    with open_images(bag, topic) as source:
        for image in source.images(every, white):
            if not written:
                _make(folder)
            path = _free(folder / "images" / f"{image.moment}.png", image.rgb, written)
            write_png(path, image.rgb)
            written.add(path)
        if not written:
            raise source.nothing()
    return len(written), source


def _free(path: Path, rgb: np.ndarray, written: Set[Path]) -> Path:
    """The first of PATH, PATH_2, ... that this run has not written, and that holds no other picture yet."""
    paths = (path if number == 1 else path.with_stem(f"{path.stem}_{number}") for number in count(1))
    left = (one for one in paths if one not in written)
    return next(one for one in left if not one.exists() or np.array_equal(read_image(one), rgb))


def _make(folder: Path) -> None:
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    if not (folder / TABLE).exists():
        write_bytes(folder / TABLE, EMPTY_TABLE)


@command()
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument("bag", type=Path, metavar="BAG")
    parser.add_argument("--topic", required=True, help="of images, raw or compressed")
    parser.add_argument("--every", type=float, default=1.0, help="seconds from frame to frame, at least (%(default)s)")
    parser.add_argument("folder", type=Path, metavar="OUT", help="folder of own frames to make")
    add_option(parser, SegmentNodeConfig, "mono16_range")
    options = parser.parse_args(arguments)
    if not 0 <= options.every < 1e6:
        raise ValueError(f"--every is {options.every}; it must be 0 or more seconds")
    count, source = cut(options.bag, options.topic, options.folder, options.every, white_of(options.mono16_range))
    for line in source.lost:
        print(f"not read: {printable(line)}", file=sys.stderr)
    for reason, times in source.refused.most_common():
        print(f"images refused: {times}: {printable(reason)}", file=sys.stderr)
    print(f"wrote {count} frames to {options.folder / 'images'}; draw masks/, write {options.folder / TABLE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
