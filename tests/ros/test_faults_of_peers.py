"""What others do to the node: cameras that die, subscribers that stall, many of all; and what they see of it."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from refseg_ros.images.messages import to_message
from refseg_ros.msg import Segmentation
from tests.ros.bench import Bench, picture
from tests.ros.vitals import vitals_of
from tests.soak.helpers import NAME, Helper, Sent, corner

ROOT = Path(__file__).parents[2]
STALL = 3.0
"""Seconds without an image that are told."""
SINCE = "seconds since the last image"


@pytest.fixture
def helper():
    """Starts processes of tests/soak/helpers.py, which end with the test."""
    started: list[Helper] = []

    def one(*arguments: str) -> Helper:
        started.append(Helper(*arguments))
        return started[-1]

    yield one
    for process in started:
        process.kill()


def number_of(result: Segmentation) -> int:
    return int(result.header.frame_id[len(NAME) :])


def test_a_camera_that_stalls_or_dies_is_told_and_its_next_frame_is_answered(
    start, bundle_folder, bench, helper, tmp_path
) -> None:
    """No frame is answered twice, none while there is none, and each answer is that of its own frame."""
    bench.node.destroy_publisher(bench.images)
    statuses: list[dict[str, str]] = []

    def keep(array: DiagnosticArray) -> None:
        for status in array.status:
            if status.name == "refseg/segment: camera":
                told = {pair.key: pair.value for pair in status.values}
                statuses.append(told | {"message": status.message, "level": status.level})

    bench.node.create_subscription(DiagnosticArray, "/diagnostics", keep, 50)
    start("segment_node", model=str(bundle_folder), threads=1, query="red")
    sent = Sent(tmp_path / "sent")
    camera = helper("camera", str(tmp_path / "sent"), "10")
    bench.until(lambda: bench.results, "the first answer", seconds=90.0)
    for fault in ("stalls", "dies"):
        if fault == "stalls":
            camera.process.send_signal(signal.SIGSTOP)
        else:
            camera.kill()
        statuses.clear()
        bench.until(lambda: statuses and float(statuses[-1][SINCE]) >= 2.0, "the answers to what was sent")
        last, known = sent.newest, len(bench.results)
        bench.until(lambda: statuses and "no image for" in statuses[-1]["message"], f"a warning that it {fault}")
        assert len(bench.results) == known, "nothing is answered anew while no image comes"
        if fault == "stalls":
            camera.process.send_signal(signal.SIGCONT)
        else:
            helper("camera", str(tmp_path / "sent"), "10")
        bench.until(lambda: len(bench.results) > known, "the next answer")  # noqa: B023
        # A frame that was noted, but not yet sent, when the camera stalled is sent when it goes on.
        assert number_of(bench.results[known]) >= last
        bench.until(lambda: "images/s" in statuses[-1]["message"], "the end of the warning")
    for told in statuses:
        silent = "no image for" in told["message"]
        seconds = float(told[SINCE])
        assert (seconds >= STALL) if silent else (seconds <= STALL), "2.996 s are told as 3"
        assert silent <= (told["level"] == DiagnosticStatus.WARN)
    numbers = [number_of(result) for result in bench.results]
    assert numbers == sorted(set(numbers))
    for result in bench.results:
        assert np.abs(np.subtract((result.box.x, result.box.y), corner(number_of(result)))).max() < 16


def test_a_subscriber_that_stalls_holds_up_neither_the_others_nor_memory(start, bundle_folder, bench, helper) -> None:
    node = start("segment_node", model=str(bundle_folder), threads=1, query="red")
    bench.wait_for_node()
    bench.answer(picture(), "red")
    subscriber = helper("subscriber")
    bench.until(lambda: bench.node.count_subscribers("/refseg/mask") == 2, "the other subscriber", seconds=60.0)
    bench.listen(1.0)
    subscriber.process.send_signal(signal.SIGSTOP)

    def answers(many: int) -> None:
        wanted = len(bench.results) + many

        def came() -> bool:
            bench.show(picture())
            bench.listen(0.05)
            return len(bench.results) >= wanted

        bench.until(came, f"{many} answers", seconds=300.0)

    answers(40)
    before = vitals_of(node)
    answers(80)
    after = vitals_of(node)
    assert after.megabytes < before.megabytes + 10, "the 12 MB of masks are not kept for it"
    assert (after.threads, after.files) == (before.threads, before.files)


def test_two_nodes_and_ten_cameras_answer_each_for_itself(start, bundle_folder, bench) -> None:
    names = [f"camera{number}" for number in range(10)]
    topics = {"image_topic": "/{camera}/image", "cameras": names}
    many = start("segment_node", model=str(bundle_folder), threads=1, query="red", **topics)
    other = start("segment_node", model=str(bundle_folder), threads=1, query="green", image_topic="/camera3/image")
    others: list[Segmentation] = []
    bench.node.create_subscription(Segmentation, "/refseg/result", others.append, 5)
    results: dict[str, list[Segmentation]] = {name: [] for name in names}
    publishers = {name: bench.node.create_publisher(Image, f"/{name}/image", 5) for name in names}
    for name in names:
        bench.node.create_subscription(Segmentation, f"/refseg/{name}/result", results[name].append, 5)
    headers = {}

    def all_answered() -> bool:
        for name in names:
            headers[name] = bench.header()
            headers[name].frame_id = name
            publishers[name].publish(to_message(picture(), "rgb8", headers[name]))
        bench.listen(0.5)
        return all(results.values())

    bench.until(lambda: all_answered() and others, "an answer for each of ten cameras", seconds=300.0)
    held = vitals_of(many)
    bench.until(lambda: all_answered() and min(map(len, results.values())) > 5, "more answers", seconds=300.0)
    assert all(one.header.frame_id == name for name in names for one in results[name])
    assert all(one.verdict == Segmentation.FOUND for name in names for one in results[name])
    assert all(one.header.frame_id == "camera3" and one.verdict == Segmentation.NOT_FOUND for one in others)
    now = vitals_of(many)
    assert now.threads <= held.threads and now.files <= held.files
    for node in (many, other):
        node.process.send_signal(signal.SIGTERM)
        assert node.process.wait(60) == 0, node.tail(50)


RESTARTS = 10


def test_restarts_leave_nothing_with_those_who_stay(start, bundle_folder, bench) -> None:
    own = Path("/proc/self")
    held = []
    for turn in range(RESTARTS):
        node = start("segment_node", model=str(bundle_folder), threads=1, query="red")
        bench.wait_for_node()
        bench.results.clear()
        bench.answer(picture(), "red")
        held.append((len(list((own / "task").iterdir())), len(list((own / "fd").iterdir()))))
        if turn % 2:
            node.process.kill()
            node.process.wait()
        else:
            node.process.send_signal(signal.SIGINT)
            assert node.process.wait(60) == 0, node.tail(50)
    threads, files = zip(*held, strict=True)
    assert threads[-1] <= max(threads[:3]) and files[-1] <= max(files[:3]) + 2, held


def test_outputs_are_reliable_and_images_are_taken_as_sensors_send_them(start, bundle_folder, bench) -> None:
    start("segment_node", model=str(bundle_folder), threads=1)
    bench.wait_for_node()
    (images,) = bench.node.get_subscriptions_info_by_topic("/camera/image_raw")
    assert images.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    for topic in ("mask", "bbox", "result", "overlay"):
        (output,) = bench.node.get_publishers_info_by_topic(f"/refseg/{topic}")
        assert output.qos_profile.reliability == ReliabilityPolicy.RELIABLE


def test_every_topic_of_the_pages_is_one_of_the_node(start, bundle_folder, bench: Bench) -> None:
    depth = dict(depth_topic="/camera/depth", camera_info_topic="/camera/camera_info")
    start("segment_node", model=str(bundle_folder), threads=1, **depth)
    bench.wait_for_node()
    graph, who = bench.node, ("segment", "/refseg")
    offered = {
        name.split("/_action/")[0]
        for one in (
            graph.get_publisher_names_and_types_by_node(*who),
            graph.get_subscriber_names_and_types_by_node(*who),
            graph.get_service_names_and_types_by_node(*who),
        )
        for name, _ in one
    }
    # vision_msgs is not always installed; the others are nodes, not topics.
    offered |= {"/refseg/detections", "/refseg/detections_3d", "/refseg/speech", "/refseg/segment", "/refseg/web"}
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    named = {name for page in pages for name in re.findall(r"/refseg/[a-z0-9_/]*[a-z0-9]", page.read_text())}
    assert len(named) > 5
    assert not named - offered


def test_a_launch_installs_nothing() -> None:
    """It starts nodes, and no other programs that could."""
    for file in (ROOT / "launch").glob("*.py"):
        code = re.sub(r'raise RuntimeError\(".*"\)', "", file.read_text())  # a message may advise what to install
        assert not re.search(r"subprocess|os\.system|popen|ExecuteProcess|\bpip\b", code), file


def test_quality_of_service_is_the_users_to_change(start, bundle_folder, bench) -> None:
    overriding = {"qos_overrides./refseg/result.publisher.reliability": "best_effort"}
    start("segment_node", model=str(bundle_folder), threads=1, query="red", **overriding)
    bench.until(lambda: bench.node.count_publishers("/refseg/result"), "the node")
    (output,) = bench.node.get_publishers_info_by_topic("/refseg/result")
    assert output.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    results: list[Segmentation] = []
    qos = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
    bench.node.create_subscription(Segmentation, "/refseg/result", results.append, qos)
    bench.show_until(picture(), lambda: results, "an answer")
