"""What the node adds to encoding and fusion: camera publish to mask received, over the real network.

    tools/in_environment.sh python benchmarks/node_latency.py [--model BUNDLE] [--images 200] [--query "the red mug"]

A camera in this process publishes 640x480 images at 5 Hz to the node in a process of its own, and measures until the
mask is back. The node tells what encoding and fusion took of that; the difference is the node's own share.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import rclpy
from builtin_interfaces.msg import Time
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Float32, Header, String

from refseg_ros.demo.processes import NodeProcess, stay_on_this_machine
from refseg_ros.images import to_message
from refseg_ros.transport import prefer_large_shared_memory

INTERVAL = 0.2
"""Seconds between images: each finds the node idle, as at the rate of a clip."""


def measure(images: int, query: str) -> tuple[np.ndarray, np.ndarray]:
    """Publish images, wait for each one's mask; milliseconds until the mask, and of encoding and fusion, (N,) each."""
    node = rclpy.create_node("latency")
    masks: dict[int, float] = {}
    spent: list[float] = []
    qos = QoSProfile(depth=1)
    camera = node.create_publisher(Image, "/camera/image_raw", qos)
    asked = node.create_publisher(String, "/refseg/query", qos)
    node.create_subscription(
        Image, "/refseg/mask", lambda m: masks.__setitem__(m.header.stamp.sec, time.perf_counter()), qos
    )
    node.create_subscription(Float32, "/refseg/segment/inference_milliseconds", lambda m: spent.append(m.data), qos)
    while not (
        camera.get_subscription_count() and asked.get_subscription_count() and node.count_publishers("/refseg/mask")
    ):
        rclpy.spin_once(node, timeout_sec=0.1)
    time.sleep(1.0)
    asked.publish(String(data=query))
    pixels = np.random.default_rng(0).integers(0, 255, (480, 640, 3)).astype(np.uint8)
    totals, inferences = [], []
    for number in range(1, images + 11):
        message = to_message(pixels, "rgb8", Header(stamp=Time(sec=number), frame_id="camera"))
        spent.clear()
        published = time.perf_counter()
        camera.publish(message)
        while time.perf_counter() < published + INTERVAL or not (number in masks and spent):
            rclpy.spin_once(node, timeout_sec=0.02)
            if time.perf_counter() > published + 10.0:
                raise SystemExit(f"no mask for image {number} within 10 s")
        if number > 10:  # the first ones warm up
            totals.append((masks[number] - published) * 1e3)
            inferences.append(spent[0])
    return np.array(totals), np.array(inferences)


def main() -> None:
    """Start the node, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="", help="folder of a model bundle; default: the one that ships")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--query", default="the red mug on the left")
    options = parser.parse_args()
    stay_on_this_machine()
    prefer_large_shared_memory()
    rclpy.init()
    with (
        tempfile.TemporaryDirectory() as folder,
        NodeProcess("segment_node", {"model": options.model, "max_frame_age": 0.0}, Path(folder) / "node.log") as node,
    ):
        totals, inferences = measure(options.images, options.query)
        node.check()
    for name, values in (
        ("camera publish to mask received", totals),
        ("encoding and fusion", inferences),
        ("the node's own share", totals - inferences),
    ):
        middle, high = np.percentile(values, [50, 95])
        print(f"{name:<32} median {middle:6.2f} ms   95 % {high:6.2f} ms")


if __name__ == "__main__":
    main()
