"""What the node tells on /diagnostics: rates, counters, and what to do when no image comes."""

from __future__ import annotations

import array
import re
import time

import cv2
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from refseg_ros.images.messages import to_message
from refseg_ros.msg import Segmentation
from refseg_ros.node.qos_doctor import why_no_image
from tests.ros.bench import picture
from tests.ros.manager import Manager
from tests.ros.slow_bundle import SLOW_WORD, write_slow_bundle

FATES = ("answered", "superseded", "stale", "refused", "failed", "passed")


class Reader:
    """Keeps the newest status of each name."""

    def __init__(self, bench) -> None:
        self._bench = bench
        self._newest: dict[str, DiagnosticStatus] = {}
        bench.node.create_subscription(DiagnosticArray, "/diagnostics", self._read, 10)

    def _read(self, message: DiagnosticArray) -> None:
        self._newest |= {status.name: status for status in message.status}

    def until(self, name: str, look, what: str) -> DiagnosticStatus:
        """Wait until a status, with its values as a dict, is as wanted."""
        return self._bench.until(lambda: self.newest(name, look), what)

    def newest(self, name: str, look) -> DiagnosticStatus | None:
        """A status, if it is as wanted now."""
        status = self._newest.get(f"refseg/segment: {name}")
        return status if status is not None and look(status, values(status)) else None


def values(status: DiagnosticStatus) -> dict[str, str]:
    return {pair.key: pair.value for pair in status.values}


def test_every_image_is_accounted_for_and_faults_are_told(start, bundle_folder, bench) -> None:
    start("segment_node", model=str(bundle_folder), threads=1, query="red")
    reader = Reader(bench)
    bench.wait_for_node()
    bench.answer(picture(), "red")
    status = reader.until(
        "camera",
        lambda status, told: status.level == DiagnosticStatus.OK and told["answered"] != "0",
        "a camera that fares well",
    )
    assert "images/s" in status.message
    assert values(status)["topic"] == "/camera/image_raw"
    assert float(values(status)["inference, mean [ms]"]) > 0
    engine = reader.until("model", lambda status, _: status.level == DiagnosticStatus.OK, "the model")
    assert values(engine)["engine"].startswith("runs on ONNX Runtime on the CPU")
    assert values(engine)["queries"] == "'red'"

    message = Image(width=320, height=240, step=960, encoding="rgb9", header=bench.header())
    message.data = array.array("B", bytes(320 * 240 * 3))
    bench.images.publish(message)
    warned = reader.until("camera", lambda status, told: told["refused"] == "1", "the refused image")
    assert "rgb9" in values(warned)["last fault"]
    for _ in range(100):
        bench.show(picture())
        bench.listen(0.005)

    def many_received(_: DiagnosticStatus, told: dict[str, str]) -> bool:
        bench.show(picture())
        return int(told["received"]) > 50

    reader.until("camera", many_received, "more than fifty images")

    def all_accounted_for(status: DiagnosticStatus, told: dict[str, str]) -> bool:
        answered = {(one.header.stamp.sec, one.header.stamp.nanosec) for one in bench.results}
        fates = sum(int(told[fate]) for fate in FATES)
        return int(told["received"]) == fates and int(told["answered"]) == len(answered)

    told = values(reader.until("camera", all_accounted_for, "an account of every image"))
    assert told["failed"] == told["stale"] == "0"


def test_an_image_that_nobody_asks_about_is_looked_at_only_where_the_past_wants_it(start, bundle_folder, bench) -> None:
    """A broken image tells who looks."""
    start("segment_node", model=str(bundle_folder), threads=1)
    reader = Reader(bench)
    bench.wait_for_node()

    def send(message: Image, passed: int, refused: int) -> None:
        message.header = bench.header()
        bench.images.publish(message)
        wanted = str(passed), str(refused)
        reader.until("camera", lambda _, told: (told["passed"], told["refused"]) == wanted, f"{wanted}")

    broken = Image(width=320, height=240, step=960, encoding="rgb9")
    broken.data = array.array("B", bytes(320 * 240 * 3))
    send(to_message(picture(), "rgb8", bench.header()), passed=1, refused=0)
    send(broken, passed=2, refused=0)
    bench.clock += 60.0
    send(broken, passed=2, refused=1)


def test_a_camera_that_stalls_is_told_and_the_next_image_is_answered(start, bundle_folder, bench) -> None:
    node = start("segment_node", model=str(bundle_folder), threads=1, query="red")
    reader = Reader(bench)
    bench.wait_for_node()
    bench.answer(picture(), "red")

    def logged() -> list[str]:
        lines = node.log.read_text().splitlines()
        return [line for line in lines if "[WARN]" in line and "/camera/image_raw: no image" in line]

    early = len(logged())  # where the first image came late
    warned = reader.until("camera", lambda status, _: "no image for" in status.message, "a warning")
    assert "/bench offers RELIABLE VOLATILE, which fits" in warned.message
    known = len(bench.results)
    header = bench.show(picture())
    bench.until(lambda: len(bench.results) > known, "the answer to the first image after the stall")
    assert bench.results[known].header == header
    reader.until("camera", lambda status, _: status.level == DiagnosticStatus.OK, "the end of the warning")
    again = reader.until("camera", lambda status, _: status.level == DiagnosticStatus.WARN, "another warning")
    assert "no image for" in again.message
    bench.listen(1.5)
    stalls = logged()[early:]
    assert len(stalls) == 2 and all("which fits" in line for line in stalls)


@pytest.mark.parametrize(
    ("publishes", "words"),
    [
        ({}, ["nobody publishes /camera/color/image", "no other topic of sensor_msgs/msg/Image"]),
        ({"/camera/color/image_raw": Image, "/zoo": Image}, ["did you mean /camera/color/image_raw?"]),
        (
            {"/camera/color/image": CompressedImage},
            ["/bench publishes sensor_msgs/msg/CompressedImage there, not sensor_msgs/msg/Image", "image_transport"],
        ),
        (
            {"/camera/color/image/compressed": CompressedImage, "/zoo": Image},
            ["did you mean /camera/color/image/compressed? Set image_transport to compressed"],
        ),
        (
            {"/zoo/compressed": CompressedImage, "/camera/color/image/compressedDepth": CompressedImage},
            ["did you mean /zoo/compressed? Set image_topic, and image_transport to compressed"],
        ),
        (
            {"/camera/color/image/zstd": CompressedImage},
            ["only /camera/color/image/zstd, which is not read", "-p in_transport:=zstd -p out_transport:=raw"],
        ),
    ],
    ids=[
        "nothing",
        "a name much alike",
        "another type",
        "another transport",
        "another topic of another transport",
        "a transport that is not read",
    ],
)
def test_the_doctor_says_what_is_wrong(bench, publishes, words) -> None:
    bench.node.destroy_publisher(bench.images)
    for topic, kind in publishes.items():
        bench.node.create_publisher(kind, topic, 1)
    qos = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)

    def is_told() -> bool:
        told = why_no_image(bench.node, "/camera/color/image", "sensor_msgs/msg/Image", qos, own=())
        return all(word in told for word in words)

    bench.until(is_told, f"an answer with {words}")


def test_the_doctor_tells_quality_of_service_that_does_not_fit(start, bundle_folder, bench) -> None:
    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    bench.node.create_publisher(Image, "/picky/image", best_effort)
    reader = Reader(bench)
    overriding = {"qos_overrides./picky/image.subscription.reliability": "reliable"}
    start("segment_node", model=str(bundle_folder), threads=1, image_topic="/picky/image", **overriding)
    words = "/bench offers BEST_EFFORT VOLATILE, which does not fit"
    reader.until("camera", lambda status, _: words in status.message, "a warning")
    listed = bench.request(lambda: bench.parameters.list_parameters()).result.names
    assert {name.rsplit(".", 1)[-1] for name in listed if name.startswith("qos_")} == {"depth", "reliability"}


def test_old_images_are_told(start, bundle_folder, bench) -> None:
    start("segment_node", model=str(bundle_folder), threads=1, query="red", max_frame_age=1.0)
    reader = Reader(bench)
    bench.wait_for_node()
    bench.answer(picture(), "red")
    warned = reader.until("camera", lambda status, _: "max_frame_age" in status.message, "a warning")
    assert "use_sim_time" in warned.message
    bench.ask("")

    def shown(status: DiagnosticStatus, _: dict) -> bool:
        bench.show(picture())
        return status.level == DiagnosticStatus.OK

    reader.until("camera", shown, "the end of the warning, with nothing asked any more")


def test_answers_that_take_too_long_are_stale_and_told(start, bench, tmp_path) -> None:
    """The image is new when its turn comes, but its answer would come when it is too old."""
    model = write_slow_bundle(tmp_path / "slow", turns=300)
    start("segment_node", model=str(model), threads=1, query=f"red {SLOW_WORD}", max_frame_age=0.5)
    reader = Reader(bench)
    bench.wait_for_node()
    shown: list[Header] = []

    def told(status: DiagnosticStatus, _: dict) -> bool:
        if len(bench.results) == len(shown):  # the next image finds the node idle
            bench.clock = time.time()
            shown.append(bench.show(picture()))
        return "s old when their answers are ready" in status.message

    reader.until("camera", told, "a warning")
    result = bench.until(lambda: bench.results, "the answer")[0]
    assert (result.verdict, result.header) == (Segmentation.STALE, shown[0]) and result.frame_age > 0.5
    assert not any(result.mask.data) and result.box.width == 0


def test_a_refused_model_is_told(start, bench, tmp_path) -> None:
    reader = Reader(bench)
    start("segment_node", model=str(tmp_path), autostart=False)
    reader.until("model", lambda status, _: status.message == "not active", "a node that is not active")
    assert not Manager(bench).change(Transition.TRANSITION_CONFIGURE)
    told = reader.until("model", lambda status, _: status.level == DiagnosticStatus.ERROR, "the refused model")
    assert str(tmp_path) in told.message


def test_the_missing_clock_of_a_simulator_is_said(start, bundle_folder, bench) -> None:
    reader = Reader(bench)
    start("segment_node", model=str(bundle_folder), threads=1, use_sim_time=True)
    reader.until("model", lambda status, _: "nobody publishes the time on /clock" in status.message, "a warning")
    bench.node.create_publisher(Clock, "/clock", 10)
    reader.until("model", lambda status, _: status.level == DiagnosticStatus.OK, "the end of the warning")


def test_expressions_that_look_like_several_are_hinted_at_once(start, bundle_folder, bench) -> None:
    node = start("segment_node", model=str(bundle_folder), threads=1)
    reader = Reader(bench)
    bench.wait_for_node()
    for text in ("the red mug, the bowl", "the red mug and the bowl"):
        bench.ask(text)
        reader.until("model", lambda _, told, text=text: repr(text) in told["hint"], f"a hint at {text}")
    assert node.log.read_text().count("only ; separates several") == 1
    bench.ask("the red mug; the bowl")
    reader.until("model", lambda _, told: told["hint"] == "", "the end of the hint")


@pytest.mark.parametrize("topic", ["/front/image_raw/compressed", "/front/jpeg"])
def test_the_doctors_advice_for_a_compressed_topic_works_to_the_letter(start, bundle_folder, bench, topic) -> None:
    bench.node.destroy_publisher(bench.images)
    pictures = bench.node.create_publisher(CompressedImage, topic, 10)
    shown = cv2.imencode(".png", picture()[..., ::-1])[1].tobytes()
    reader = Reader(bench)
    settings = dict(model=str(bundle_folder), threads=1, query="red", image_transport="compressed")
    lost = start("segment_node", **settings)
    advised = reader.until("camera", lambda status, _: "Set image_topic" in status.message, "advice")
    (named,) = re.findall(r"did you mean (\S+)\? Set image_topic", advised.message)
    assert named == topic
    lost.stop()
    start("segment_node", image_topic=named, **settings)

    def answered() -> bool:
        pictures.publish(CompressedImage(header=bench.header(), format="png", data=shown))
        bench.listen(0.1)
        return bool(bench.results)

    bench.until(answered, "an answer")


@pytest.mark.parametrize("topic", ["/front/jpeg", "/front/jpeg/compressed"])
def test_the_doctors_advice_for_another_transport_works_to_the_letter(start, bundle_folder, bench, topic) -> None:
    pictures = bench.node.create_publisher(CompressedImage, topic, 10)
    shown = cv2.imencode(".png", picture()[..., ::-1])[1].tobytes()
    reader = Reader(bench)
    start("segment_node", model=str(bundle_folder), threads=1, query="red", image_topic="/front/jpeg")
    reader.until("camera", lambda status, _: "set image_transport to compressed" in status.message.lower(), "advice")
    set_ = bench.set("image_transport", "compressed")
    assert set_.successful

    def answered() -> bool:
        pictures.publish(CompressedImage(header=bench.header(), format="png", data=shown))
        bench.listen(0.1)
        return bool(bench.results)

    bench.until(answered, "an answer")
