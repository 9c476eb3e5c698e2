"""Searching bags: two workers against one, and what a frame and a row cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from distributed import Client
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from benchmarks.measuring import Effort, Table, in_turn, milliseconds, ratio
from refseg_ros.engines.bundle import TABLETOP, Bundle
from refseg_ros.search import fleet
from refseg_ros.search.answers import Task, search_bag
from refseg_ros.search.recordings import recordings
from refseg_ros.search.settings import SearchConfig, digest
from refseg_ros.simulation.tabletop import Tabletop

EXPRESSIONS = ("the red mug", "the bowl")
BAGS, FRAMES = 8, 30
WORKERS = (1, 2)
_KIND = "sensor_msgs/msg/CompressedImage"


def measure(effort: Effort) -> list[Table]:
    """The table of the search."""
    by_clock, by_computing = (dataclasses.replace(effort, busy=busy) for busy in (False, True))
    with _bags() as folder, ExitStack() as stack:
        config = SearchConfig(EXPRESSIONS, digest(Bundle.load(TABLETOP).manifest))
        tasks = [Task(recording, config, str(TABLETOP)) for recording in recordings([str(folder)])]
        clients = {workers: stack.enter_context(fleet.local(workers)) for workers in WORKERS}
        steps = {f"{workers}": partial(_search, client, tasks) for workers, client in clients.items()}
        times = in_turn(steps, by_clock, warm_up=1)
        alone = in_turn({"alone": partial(search_bag, tasks[0])}, by_computing, warm_up=1)["alone"]
        parts = [search_bag(task) for task in tasks]
    one, two = times.values()
    frames, rows = BAGS * FRAMES, BAGS * FRAMES * len(EXPRESSIONS)
    return [
        Table(
            f"{BAGS} bags of {FRAMES} frames of 640x480 in JPEG, {len(EXPRESSIONS)} expressions, workers ready",
            ["workers", "frames/s", "one takes"],
            [[name, f"{frames / np.median(taken):.1f}", f"{ratio(one, taken):.2f} x"] for name, taken in times.items()],
            [
                f"A frame takes {milliseconds(alone / FRAMES)} ms of computing in one thread, with its JPEG; "
                f"a row takes {sum(map(len, parts)) / rows:.0f} bytes."
            ],
            figures={"search": ratio(one, two)},
        )
    ]


def _search(client: Client, tasks: list[Task]) -> None:
    for _, part in fleet.search(client, tasks, lambda reading: None):
        if isinstance(part, str):
            raise RuntimeError(part)


@contextmanager
def _bags() -> Iterator[Path]:
    types = get_typestore(Stores.ROS2_HUMBLE)
    header, time = types.types["std_msgs/msg/Header"], types.types["builtin_interfaces/msg/Time"]
    with TemporaryDirectory() as name, Tabletop() as table:
        for seed in range(BAGS):
            table.reset(seed, split="held_out")
            with Writer(Path(name) / str(seed), version=8, storage_plugin=StoragePlugin.MCAP) as writer:
                connection = writer.add_connection("/camera/image_raw/compressed", _KIND, typestore=types)
                for second in range(FRAMES):
                    table.advance(0.1)
                    data = cv2.imencode(".jpg", table.render(depth=False).rgb[..., ::-1])[1].ravel()
                    stamp = header(stamp=time(sec=second, nanosec=0), frame_id="camera")
                    message = types.types[_KIND](header=stamp, format="rgb8; jpeg compressed bgr8", data=data)
                    writer.write(connection, second * 1_000_000_000, types.serialize_cdr(message, _KIND))
        yield Path(name)
