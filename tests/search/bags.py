"""Bags made without ROS, and the command run as a user runs it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

ROOT = Path(__file__).parent.parent.parent
TYPES = get_typestore(Stores.ROS2_HUMBLE)
SECOND = 1_000_000_000


def picture(place: int | None, colour: tuple[int, int, int] = (220, 10, 10)) -> np.ndarray:
    """(60, 80, 3) uint8 RGB: grey, with a square of a colour at a column, if there is one."""
    image = np.full((60, 80, 3), 90, np.uint8)
    if place is not None:
        image[20:40, place : place + 20] = colour
    return image


IMAGES = [picture(place) for place in (0, 4, 8, 12, None, None)]
"""What the bags of most tests hold."""


def record(
    path: Path,
    images: Sequence[np.ndarray],
    topics: Sequence[str] = ("/camera/image_raw",),
    *,
    compressed: bool = False,
    rate: float = 5.0,
    storage: StoragePlugin = StoragePlugin.SQLITE3,
    begin: int = 50 * SECOND,
    compression: CompressionMode = CompressionMode.NONE,
) -> Path:
    """Write a bag with the same images on each topic; their stamps begin at `begin`, and each comes 20 ms late."""
    header, time = (TYPES.types[name] for name in ("std_msgs/msg/Header", "builtin_interfaces/msg/Time"))
    kind = f"sensor_msgs/msg/{'CompressedImage' if compressed else 'Image'}"
    bag = Writer(path, version=8, storage_plugin=storage)
    bag.set_compression(compression, CompressionFormat.ZSTD)
    with bag as writer:
        for topic in topics:
            connection = writer.add_connection(topic, kind, typestore=TYPES)
            for index, image in enumerate(images):
                taken = begin + round(index / rate * SECOND)
                stamp = header(stamp=time(sec=taken // SECOND, nanosec=taken % SECOND), frame_id="optical")
                if compressed:
                    data = cv2.imencode(".png", image[..., ::-1])[1]
                    message = TYPES.types[kind](header=stamp, format="rgb8; png compressed bgr8", data=data)
                else:
                    height, width = image.shape[:2]
                    message = TYPES.types[kind](
                        header=stamp,
                        height=height,
                        width=width,
                        encoding="rgb8",
                        is_bigendian=0,
                        step=3 * width,
                        data=image.ravel(),
                    )
                writer.write(connection, taken + SECOND // 50, TYPES.serialize_cdr(message, kind))
    return path


def add_topic(bag: Path, name: str, kind: str) -> None:
    """Add a topic of a type, without messages, to a bag with SQLite."""
    with sqlite3.connect(next(bag.glob("*.db3"))) as database:
        database.execute(
            "INSERT INTO topics SELECT max(id) + 1, ?, ?, 'cdr', '', ? FROM topics", (name, kind, "RIHS01_" + 64 * "1")
        )
    database.close()


def command(*arguments: object) -> list[str]:
    """The command line of a search."""
    return [sys.executable, "-m", "refseg_ros.search", *map(str, arguments)]


def search(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Search, as a user does; with one worker, which starts sooner than one for each core, unless something is said."""
    if not {"--workers", "--scheduler"} & set(arguments):
        arguments += ("--workers", 1)
    return subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=3000, check=False)


def complaints(errors: str) -> list[str]:
    """The lines of stderr that do not say how far it is, which come every few seconds."""
    return [line for line in errors.splitlines() if not line.startswith("[")]
