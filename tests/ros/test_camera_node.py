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

from builtin_interfaces.msg import Time
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient
from rclpy.qos import ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import String

from refseg_ros.demo.processes import NodeProcess
from refseg_ros.images.messages import to_array, to_rgb
from refseg_ros.node.camera_node import LOOK
from tests.films import damage, noise, write_film
from tests.ros.signals import ended_by
from tests.simulation.mesh_writers import kitchen


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
    wanted = [Parameter(name, value=value) for name, value in values.items()]
    return bench.request(lambda: client.set_parameters(wanted)).results


def test_a_folder_of_meshes_lies_on_the_simulated_table(start, bench, tmp_path) -> None:
    pytest.importorskip("mujoco", reason="the simulator is not installed")
    start("camera_node", seed=2, width=64, height=48, rate=10.0, objects=str(kitchen(tmp_path / "kitchen")))
    truth = json.loads(Collected(bench, image_raw=Image, truth=String).one()["truth"].data)
    assert truth["objects"] and {item["class_name"] for item in truth["objects"]} <= {"box", "can", "ball"}


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


def test_its_quality_of_service_can_be_overridden(start, bench, tmp_path) -> None:
    cv2.imwrite(str(tmp_path / "one.png"), np.zeros((20, 30, 3), np.uint8))
    of_images, of_nothing = "qos_overrides./camera/image_raw.publisher.", "qos_overrides./camera/image.publisher.depth"
    node = start("camera_node", source=str(tmp_path), **{f"{of_images}reliability": "best_effort", of_nothing: 1})
    bench.until(lambda: "camera of source" in node.log.read_text(), "the camera")

    def reliabilities() -> list[ReliabilityPolicy]:
        topics = ("image_raw", "camera_info")
        found = [bench.node.get_publishers_info_by_topic(f"/camera/{topic}") for topic in topics]
        return [info.qos_profile.reliability for one in found for info in one if info.node_name == "camera"]

    bench.until(lambda: len(reliabilities()) == 2, "the camera")
    assert reliabilities() == [ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE]
    (warning,) = [line for line in node.log.read_text().splitlines() if "[WARN]" in line]
    assert f"no topic takes '{of_nothing}' so far; did you mean {of_images}depth?" in warning

    refusing = start("camera_node", source=str(tmp_path), **{f"{of_images}reliability": "foo"})
    assert refusing.process.wait(60) == 1
    (line,) = refusing.log.read_text().splitlines()
    assert "[FATAL]" in line and f"'{of_images}reliability' is 'foo'; it must be one of " in line


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


def test_a_damaged_film_is_shown_to_its_end_and_what_it_lost_is_logged(start, tmp_path: Path) -> None:
    film = damage(write_film(tmp_path / "film.mp4", noise(30), 10), 0.5)
    node = start("camera_node", source=str(film), loop=False)
    assert node.process.wait(60) == 0
    (line,) = [line for line in node.log.read_text().splitlines() if "damaged or cut short" in line]
    assert "[WARN]" in line and f"{film}: " in line and "27 of about 30 pictures could be read" in line


def test_simulated_time_stamps_the_images_and_holds_them_while_it_stands(start, bench, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "one.png"), np.zeros((20, 30, 3), np.uint8))
    clock = bench.node.create_publisher(Clock, "/clock", 10)
    collected = Collected(bench, image_raw=Image)
    images = collected.of["image_raw"]
    node = start("camera_node", source=str(tmp_path), rate=10, use_sim_time=True)
    bench.until(lambda: bench.node.count_publishers("/camera/image_raw"), "the camera")
    bench.until(clock.get_subscription_count, "its clock")
    bench.listen(1.0)
    assert not images, "there is no time yet"

    def pass_by(begin: float, seconds: float) -> None:
        """Simulated time, in steps of 10 ms."""
        for step in range(round(seconds * 100)):
            whole, fraction = divmod(begin + step / 100, 1.0)
            clock.publish(Clock(clock=Time(sec=int(whole), nanosec=int(fraction * 1e9))))
            bench.listen(0.02)

    for begin in (500.0, 100.0):  # the second time, the simulation begins again
        images.clear()
        pass_by(begin, 3.0)
        assert images, node.tail()
        stamps = np.array([second + nanosecond * 1e-9 for second, nanosecond in sorted(images)])
        assert begin <= stamps[0] and stamps[-1] <= begin + 3.0
        assert (np.diff(stamps) > 0.099).all(), "its rate is one of simulated time"
        bench.listen(0.5)
        images.clear()
        bench.listen(1.0)
        assert not images, "time stands still"


def test_simulated_time_that_nobody_publishes_is_told_once(start, bench, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "one.png"), np.zeros((20, 30, 3), np.uint8))
    node = start("camera_node", source=str(tmp_path), use_sim_time=True)

    def told() -> list[str]:
        return [line for line in node.log.read_text().splitlines() if "[WARN]" in line]

    bench.until(told, "the warning")
    bench.listen(2 * LOOK)
    (line,) = told()
    assert "use_sim_time is true, but nobody publishes the time on /clock, so no picture comes: " in line


def test_a_source_that_breaks_down_ends_it_with_one_line(start, bench, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(2):
        cv2.imwrite(str(folder / f"{number}.png"), np.zeros((20, 30, 3), np.uint8))
    collected = Collected(bench, image_raw=Image)
    node = start("camera_node", source=str(folder))
    collected.one()
    for path in folder.iterdir():
        path.unlink()
    refused(node, str(folder))
    assert "call refused" not in node.log.read_text()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (dict(source="/no/such.mp4"), "must be one of: 'simulation'"),
        (dict(source=97), "webcam 97 does not open"),
        (dict(rate=0), "rate"),
    ],
)
def test_what_it_cannot_show_is_one_line_and_exit_code_1(start, parameters, words) -> None:
    """One of each kind; test_parameters.py has the others."""
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
