"""The camera in a process of its own: what it publishes belongs together, and what it cannot show it says."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import String

from refseg_ros.demo.processes import NodeProcess
from refseg_ros.images import to_array, to_rgb
from tests.ros.signals import ended_by


def stamp_of(message) -> tuple[int, int]:
    if isinstance(message, String):
        return tuple(json.loads(message.data)["stamp"])
    return message.header.stamp.sec, message.header.stamp.nanosec


class Collected:
    """Messages of some topics of the camera by name and stamp."""

    def __init__(self, bench, **topics: type) -> None:
        self.bench = bench
        self.of: dict[str, dict] = {name: {} for name in topics}
        for name, kind in topics.items():
            store = self.of[name]
            bench.node.create_subscription(
                kind, f"/camera/{name}", lambda message, s=store: s.__setitem__(stamp_of(message), message), 50
            )

    def one(self) -> dict:
        """The newest messages that share a stamp, once there are any."""

        def look() -> dict | None:
            common = set.intersection(*(set(store) for store in self.of.values()))
            return {name: store[max(common)] for name, store in self.of.items()} if common else None

        return self.bench.until(look, "messages with one stamp")


def set_parameters(bench, **values) -> list:
    """What the camera says of each."""
    client = AsyncParameterClient(bench.node, "/camera/camera")
    assert client.wait_for_services(30)
    return bench.call(client.set_parameters([Parameter(name, value=value) for name, value in values.items()])).results


def test_a_simulated_image_comes_with_its_truth_under_one_stamp(start, bench) -> None:
    pytest.importorskip("mujoco", reason="the simulator is not installed")
    node = start("camera_node", seed=5, width=160, height=120, rate=20.0, frame_id="eye")
    topics = dict(image_raw=Image, camera_info=CameraInfo, labels=Image, truth=String, depth=Image)
    collected = Collected(bench, **topics)
    one = collected.one()
    truth = json.loads(one["truth"].data)
    assert truth["seed"] == 5
    assert to_rgb(one["image_raw"]).shape == (120, 160, 3)
    depth, labels = to_array(one["depth"]), to_array(one["labels"])
    assert one["depth"].encoding == "32FC1"
    for item in truth["objects"]:
        assert np.count_nonzero(labels == item["instance_id"]) == item["pixels"]
        if item["pixels"] > 100:
            x, y, width, height = item["box"]
            centre = np.median(depth[labels == item["instance_id"]])
            assert abs(centre - item["position"][2]) < 0.2
            assert 0 <= x < x + width <= 160
            assert 0 <= y < y + height <= 120
    info = one["camera_info"]
    assert (info.width, info.height) == (160, 120)
    assert info.k[0] > 0
    assert {message.header.frame_id for name, message in one.items() if name != "truth"} == {"eye"}
    stamps = sorted(collected.of["truth"])
    assert len(stamps) == len(set(stamps))

    assert all(result.successful for result in set_parameters(bench, seed=9, rate=15))
    bench.until(lambda: json.loads(collected.one()["truth"].data)["seed"] == 9, "the other scene")
    (refused,) = set_parameters(bench, rate=float("nan"))
    assert not refused.successful
    assert "rate" in refused.reason
    assert "nan" in refused.reason
    assert ended_by(node, signal.SIGTERM) == 0, node.tail(50)


def test_a_folder_is_published_to_its_end(start, bench, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(40):
        cv2.imwrite(str(folder / f"{number:02}.png"), np.full((20, 30, 3), 5 * number, np.uint8))
    collected = Collected(bench, image_raw=Image, camera_info=CameraInfo)
    node = start("camera_node", source=str(folder), loop=False, rate=1)
    one = collected.one()
    set_parameters(bench, rate=50)  # only now that it is heard, on however slow a machine
    assert to_rgb(one["image_raw"]).shape == (20, 30, 3)
    assert one["camera_info"].k[0] == 0, "it is not calibrated"
    assert node.process.wait(60) == 0
    assert "is at its end" in node.tail()
    greys = [int(to_rgb(message)[0, 0, 0]) for _, message in sorted(collected.of["image_raw"].items())]
    assert greys == sorted(set(greys))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (dict(source="/no/such.mp4"), "is none of: 'simulation'"),
        (dict(source=97), "webcam 97 does not open"),
        (dict(split="everything"), "split is 'everything'; it must be one of train, held_out"),
        (dict(rate=0), "rate"),
        (dict(seed=-1), "seed"),
    ],
)
def test_what_it_cannot_show_is_one_line_and_exit_code_1(start, parameters, words) -> None:
    refused(start("camera_node", **parameters), words)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("MUJOCO_GL", "nothing", "needs the package mujoco, and EGL (libegl1): invalid value for environment variable"),
        ("MUJOCO_EGL_DEVICE_ID", "99", "cannot render; is EGL installed (libegl1)? The MUJOCO_EGL_DEVICE_ID"),
    ],
)
def test_a_machine_that_renders_nothing_is_told(start, monkeypatch, variable: str, value: str, words: str) -> None:
    pytest.importorskip("mujoco", reason="the simulator is not installed")
    monkeypatch.setenv("MUJOCO_GL", "egl")
    monkeypatch.setenv(variable, value)
    refused(start("camera_node"), f"the simulated camera {words}")


def refused(node: NodeProcess, words: str) -> None:
    assert node.process.wait(60) == 1
    lines = [line for line in node.log.read_text().splitlines() if "[FATAL]" in line]
    assert len(lines) == 1
    assert words in lines[0]
    assert "Traceback" not in node.log.read_text()
