"""The processes around the node that the soak kills, stops and starts: a camera and a subscriber that may stall.

    python -m tests.soak.helpers camera FILE RATE
    python -m tests.soak.helpers subscriber

They are told on their standard input what to do, and end with it: none outlives who started it.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import rclpy
from builtin_interfaces.msg import Time
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from refseg_ros.images.messages import to_message
from refseg_ros.msg import Segmentation
from refseg_ros.ros.transport import prefer_large_shared_memory

WIDTH, HEIGHT, SIDE = 640, 480, 120
MOST_FRAMES = 2**22
"""Frames that a file has room for; what is not written takes no room on the disk."""
NAME = "frame "
"""Of a frame's optical frame, before its number."""


class Sent:
    """What the camera sent: the number of its newest frame, and the stamp of each; a file that processes share."""

    def __init__(self, path: Path) -> None:
        """Open it; it is made if it is not there."""
        mode = "r+" if path.exists() else "w+"
        self._values = np.memmap(path, np.int64, mode, shape=(MOST_FRAMES,))

    @property
    def newest(self) -> int:
        """Number of the newest frame; the first one is 1."""
        return int(self._values[0])

    def stamp(self, number: int) -> int:
        """Stamp of a frame in nanoseconds."""
        return int(self._values[number])

    def add(self, stamp: int) -> int:
        """Note the next frame, and give its number."""
        number = self.newest + 1
        self._values[number] = stamp
        self._values[0] = number
        return number


def corner(number: int) -> tuple[int, int]:
    """Where the red square of a frame begins, x and y in pixels: neighbours are far apart."""
    return number * 7 % 13 * 40, number * 5 % 9 * 40


def picture(number: int) -> np.ndarray:
    """The image of a frame: (HEIGHT, WIDTH, 3) uint8 RGB, a red square on grey, whose place tells the number."""
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    x, y = corner(number)
    image[y : y + SIDE, x : x + SIDE] = (220, 30, 30)
    return image


class Helper:
    """A process of this module that is told what to do."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.helpers", *arguments], stdin=subprocess.PIPE, start_new_session=True
        )

    def tell(self, word: str) -> None:
        """Say a line to it."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n".encode())
        self.process.stdin.flush()

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()


def _lines(seconds: float) -> list[str]:
    """What was said to this process, after waiting for so long at most; it exits at the end of its input."""
    lines: list[str] = []
    end = time.monotonic() + seconds
    while select.select([0], [], [], max(0.0, end - time.monotonic()))[0]:
        data = os.read(0, 4096)
        if not data:
            sys.exit(0)
        lines += data.decode().split("\n")
    return [line for line in lines if line]


def _camera(path: Path, rate: float) -> None:
    node = rclpy.create_node("camera")
    publisher = node.create_publisher(Image, "/camera/image_raw", QoSProfile(depth=1))
    sent, offset, due = Sent(path), 0.0, time.monotonic()
    while True:
        for line in _lines(due - time.monotonic()):
            offset = float(line)
        due = max(due + 1 / rate, time.monotonic())
        stamp = max(0, time.time_ns() + int(offset * 1e9))
        number = sent.add(stamp)
        header = Header(stamp=Time(sec=stamp // 10**9, nanosec=stamp % 10**9), frame_id=f"{NAME}{number}")
        publisher.publish(to_message(picture(number), "rgb8", header))


def _subscriber() -> None:
    node = rclpy.create_node("subscriber")
    for kind, name in ((Image, "mask"), (Image, "overlay"), (Segmentation, "result")):
        node.create_subscription(kind, f"/refseg/{name}", lambda _: None, QoSProfile(depth=10))
    while True:
        _lines(0.0)
        rclpy.spin_once(node, timeout_sec=0.1)


def main() -> None:
    """Be what the command line says."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: one that is stopped hears nothing else
    prefer_large_shared_memory()
    rclpy.init()
    kind, *rest = sys.argv[1:]
    if kind == "camera":
        _camera(Path(rest[0]), float(rest[1]))
    _subscriber()


if __name__ == "__main__":
    main()
