"""The node: camera publish to mask received, against a bare rclpy echo node; its CPU and memory over minutes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import rclpy
from builtin_interfaces.msg import Time
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Float32, Header, String

from benchmarks.measuring import CORES, TEXT, Effort, Table
from refseg_ros.demo.processes import NodeProcess, stay_on_this_machine
from refseg_ros.engines.bundle import TABLETOP
from refseg_ros.images.messages import to_message
from refseg_ros.ros.transport import prefer_large_shared_memory

SIZES = ((640, 480), (1920, 1080))
INTERVAL = 0.2
"""Seconds between images: each finds the node idle, as at the rate of a clip."""
OWN = "node's own share"
WARM_UP = 10
RATE = 30.0
START = 120.0
"""Seconds after which the nodes are given up."""
READY = "waits for images"
"""What the node's log says once it is active."""
IDLE = 5.0
"""Seconds that a node is left alone for."""
PATIENCE = 20.0
"""Seconds after which a mask is given up."""


class Bench(Node):
    """The camera of the node and of the echo node; it also waits for their masks."""

    def __init__(self) -> None:
        super().__init__("bench")
        self.answered: dict[str, dict[int, float]] = {"refseg": {}, "echo": {}}
        self.spent: list[float] = []
        newest = QoSProfile(depth=1)
        self.cameras = {
            "refseg": self.create_publisher(Image, "/camera/image_raw", newest),
            "echo": self.create_publisher(Image, "/echo/image", newest),
        }
        self.query = self.create_publisher(String, "/refseg/query", newest)
        for name in self.answered:
            self.create_subscription(Image, f"/{name}/mask", lambda mask, name=name: self._on_mask(name, mask), 10)
        self.create_subscription(
            Float32, "/refseg/segment/inference_milliseconds", lambda message: self.spent.append(message.data), newest
        )

    def wait(self) -> None:
        """Wait until both nodes are connected."""
        ends = [*self.cameras.values(), self.query]
        until = time.perf_counter() + START
        while not all(end.get_subscription_count() for end in ends) or not all(
            self.count_publishers(f"/{name}/mask") for name in self.answered
        ):
            rclpy.spin_once(self, timeout_sec=0.1)
            if time.perf_counter() > until:
                raise SystemExit(f"the node and the echo node were not there within {START:g} s")
        self.spin(1.0)

    def spin(self, seconds: float) -> None:
        """Handle messages for some seconds."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            rclpy.spin_once(self, timeout_sec=left)

    def publish(self, name: str, pixels: np.ndarray) -> tuple[int, float]:
        """Send an image; return its number (nanoseconds of the clock) and when it was sent."""
        stamp = time.time_ns()
        header = Header(stamp=Time(sec=stamp // 10**9, nanosec=stamp % 10**9), frame_id="camera")
        message = to_message(pixels, "rgb8", header)
        sent = time.perf_counter()
        self.cameras[name].publish(message)
        return stamp, sent

    def latency(self, name: str, pixels: np.ndarray) -> tuple[float, float]:
        """Send an image; milliseconds until its mask is there, and of inference (0 for the echo node)."""
        self.spent.clear()
        number, sent = self.publish(name, pixels)
        answered = self.answered[name]
        while number not in answered or (name == "refseg" and not self.spent):
            rclpy.spin_once(self, timeout_sec=0.02)
            if time.perf_counter() > sent + PATIENCE:
                raise SystemExit(f"no mask within {PATIENCE:g} s")
        total = answered.pop(number) - sent
        self.spin(max(0.0, INTERVAL / 2 - total))
        return 1e3 * total, self.spent[0] if name == "refseg" else 0.0

    def film(self, pixels: np.ndarray, seconds: float, rate: float = RATE) -> Iterator[dict[int, float]]:
        """Send images to the node for some seconds. After each, yield those whose masks have arrived since: number ->
        age in seconds.
        """
        sent: dict[int, float] = {}
        answered = self.answered["refseg"]
        answered.clear()
        due = began = time.perf_counter()
        while (now := time.perf_counter()) < began + seconds:
            number, when = self.publish("refseg", pixels)
            sent[number] = when
            due = max(due + 1 / rate, now)
            self.spin(due - time.perf_counter())
            yield {stamp: arrived - sent.pop(stamp) for stamp, arrived in answered.items() if stamp in sent}
            answered.clear()

    def _on_mask(self, name: str, mask: Image) -> None:
        stamp = mask.header.stamp
        self.answered[name][stamp.sec * 10**9 + stamp.nanosec] = time.perf_counter()


@contextlib.contextmanager
def nodes() -> Iterator[tuple[Bench, NodeProcess]]:
    """The node, the echo node and the bench, connected."""
    rclpy.init()
    bench = Bench()
    echo = subprocess.Popen([sys.executable, "-m", "benchmarks.echo_node"])
    settings = {"model": str(TABLETOP), "threads": CORES, "max_frame_age": 0.0}
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            NodeProcess("segment_node", settings, Path(folder) / "node.log") as node,
        ):
            bench.wait()
            bench.query.publish(String(data=TEXT))
            bench.spin(1.0)
            yield bench, node
            node.check()
    finally:
        echo.terminate()
        echo.wait()
        bench.destroy_node()
        rclpy.try_shutdown()


def start(effort: Effort) -> Table:
    """The table of a node that starts, and is left alone."""
    seconds, cores, memory = [], [], []
    for _ in range(effort.least):
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            with NodeProcess(
                "segment_node", {"model": str(TABLETOP), "threads": CORES}, Path(folder) / "node.log"
            ) as node:
                while READY not in node.log.read_text():
                    node.check()
                    if time.perf_counter() - began > START:
                        raise SystemExit(f"the node was not active within {START:g} s")
                    time.sleep(0.005)
                seconds.append(time.perf_counter() - began)
                time.sleep(1.0)
                cpu, idle = cpu_seconds(node.process.pid), time.perf_counter()
                time.sleep(IDLE)
                cores.append((cpu_seconds(node.process.pid) - cpu) / (time.perf_counter() - idle))
                memory.append(resident(node.process.pid))
    return Table(
        "A node that starts, and gets neither images nor queries",
        ["what", "measured"],
        [
            ["process start to active, with the model loaded", f"{np.median(seconds):.2f} s"],
            ["cores used while it waits", f"{np.median(cores):.3f}"],
            ["memory", f"{np.median(memory):.1f} MB"],
        ],
        figures={"start": float(np.median(seconds))},
    )


def latency(bench: Bench, effort: Effort) -> Table:
    """The table of single images, each size to the node and to the echo node in turn."""
    table = Table(
        "Camera publish to mask received, over DDS between processes; each image finds the node idle",
        ["image", "what", "median ms", "99 % ms"],
        notes=["The node's own share is what it takes beside inference, less what the echo node takes for its mask."],
    )
    for width, height in SIZES:
        pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3)).astype(np.uint8)
        node, echo, inference = [], [], []
        began = time.perf_counter()
        while len(node) < WARM_UP + 5 or (len(node) < 300 and time.perf_counter() - began < 3 * effort.seconds):
            total, spent = bench.latency("refseg", pixels)
            node.append(total)
            inference.append(spent)
            echo.append(bench.latency("echo", pixels)[0])
        totals, spent_, echoes = (np.array(values)[WARM_UP:] for values in (node, inference, echo))
        for what, values in (
            ("node", totals),
            ("of it inference", spent_),
            ("echo node", echoes),
            (OWN, totals - spent_ - echoes),
        ):
            middle, high = np.percentile(values, [50, 99])
            table.rows.append([f"{width}x{height}", what, f"{middle:.1f}", f"{high:.1f}"])
            if what == OWN and (width, height) == SIZES[0]:
                table.figures = {"node": float(middle), "node 99": float(high)}
    return table


def soak(bench: Bench, node: NodeProcess, effort: Effort) -> Table:
    """The table of the node at 30 images a second."""
    pixels = np.random.default_rng(0).integers(0, 255, (480, 640, 3)).astype(np.uint8)
    ages: list[float] = []
    memory: list[float] = []
    bench.spent.clear()
    began, cpu = time.perf_counter(), cpu_seconds(node.process.pid)
    for came in bench.film(pixels, effort.soak):
        ages += came.values()
        if len(memory) < time.perf_counter() - began:  # once a second
            memory.append(resident(node.process.pid))
    lasted = time.perf_counter() - began
    used = cpu_seconds(node.process.pid) - cpu
    fifth = max(1, len(memory) // 5)
    early, late = (float(np.median(part)) for part in (memory[fifth : 2 * fifth], memory[-fifth:]))
    inference = np.array(bench.spent)
    limit = 1e3 / RATE + float(inference.max())
    rows = [
        ["images answered per second", f"{len(ages) / lasted:.1f}"],
        ["cores used by the node", f"{used / lasted:.2f}"],
        ["memory of the node, second fifth of the time", f"{early:.1f} MB"],
        ["memory of the node, last fifth", f"{late:.1f} MB"],
        ["age of a frame when its mask arrives, median", f"{1e3 * np.median(ages):.1f} ms"],
        ["age of the oldest", f"{1e3 * max(ages):.1f} ms"],
        ["one period and the longest inference", f"{limit:.1f} ms"],
    ]
    title = f"The node at {RATE:g} images of 640x480 a second, for {lasted / 60:.1f} minutes"
    figures = {"memory": late, "soak memory": late - early, "soak age": 1e3 * max(ages) - limit}
    return Table(title, ["what", "measured"], rows, figures=figures)


def cpu_seconds(process: int) -> float:
    """Seconds that a process has computed."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(process: int) -> float:
    """Resident memory of a process, MB."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(effort: Effort) -> list[Table]:
    """The tables of the node."""
    stay_on_this_machine()
    prefer_large_shared_memory()
    alone = start(effort)
    with nodes() as (bench, node):
        return [alone, latency(bench, effort), soak(bench, node, effort)]
