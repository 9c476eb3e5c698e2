"""Several cameras on one model: topics, pasts and answers of their own."""

from __future__ import annotations

import array

import cv2
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from sensor_msgs.msg import CompressedImage, Image

from refseg_ros.action import Locate
from refseg_ros.images.messages import to_message
from refseg_ros.msg import Segmentation
from tests.ros.bench import GREEN, GREY, RED, picture
from tests.ros.test_diagnostics import Reader, values
from tests.ros.test_locate import Seeker


class View:
    """One of the cameras: its images, and the answers on them."""

    def __init__(self, bench, name: str) -> None:
        self._bench = bench
        self._images = bench.node.create_publisher(Image, f"/{name}/image_raw", 10)
        self.results: list[Segmentation] = []
        bench.node.create_subscription(Segmentation, f"/refseg/{name}/result", self.results.append, 50)
        bench.until(
            lambda: self._images.get_subscription_count() and bench.node.count_publishers(f"/refseg/{name}/result"),
            f"the node on camera {name}",
        )

    def show(self, image) -> None:
        header = self._bench.header()
        self._images.publish(to_message(image, "rgb8", header))
        self.shown = header

    def until_answered(self, image, what: str, look=lambda result: True) -> Segmentation:
        known = len(self.results)

        def found() -> Segmentation | None:
            self.show(image)
            self._bench.listen(0.05)
            return next((result for result in self.results[known:] if look(result)), None)

        return self._bench.until(found, what)


def two_cameras(start, bundle_folder, bench, **parameters) -> tuple[View, View]:
    """A node on the cameras front and wrist."""
    start(
        "segment_node",
        model=str(bundle_folder),
        threads=1,
        cameras=["front", "wrist"],
        image_topic="/{camera}/image_raw",
        **parameters,
    )
    return View(bench, "front"), View(bench, "wrist")


def test_each_camera_has_its_own_answers_and_its_own_past(start, bundle_folder, bench) -> None:
    front, wrist = two_cameras(start, bundle_folder, bench, query="redder; green")
    bench.listen(0.5)
    for _ in range(5):
        front.until_answered(picture(RED, RED), "an answer of the front")
        wrist.until_answered(picture(GREEN, GREY), "an answer of the wrist")
    verdicts = {}
    for name, view in (("front", front), ("wrist", wrist)):
        for query in ("redder", "green"):
            last = [result for result in view.results if result.query == query][-1]
            verdicts[name, query] = last.verdict
    found, missing = Segmentation.FOUND, Segmentation.NOT_FOUND
    assert verdicts == {
        ("front", "redder"): found,
        ("front", "green"): missing,
        ("wrist", "redder"): missing,
        ("wrist", "green"): found,
    }
    assert not bench.results, "no answers without the name of a camera"
    front.until_answered(
        picture(GREY, GREY), "the front's memory of red", lambda r: r.query == "redder" and r.verdict == found
    )


def test_a_goal_is_looked_for_with_its_own_camera_alone(start, bundle_folder, bench) -> None:
    front, wrist = two_cameras(start, bundle_folder, bench)
    reader = Reader(bench)
    handle = Seeker(bench).send(query="red", camera="front", stable_frames=5)
    result = handle.get_result_async()

    def located() -> bool:
        front.show(picture())
        wrist.show(picture())
        bench.listen(0.05)
        return bool(result.done())

    bench.until(located, "the result")
    assert result.result().result.outcome == Locate.Result.LOCATED
    reader.until("camera front", lambda _, told: int(told["answered"]) >= 5, "the answers for the goal")
    other = reader.until("camera wrist", lambda _, told: int(told["passed"]) >= 3, "images that nobody asks about")
    assert int(values(other)["answered"]) == 0


def test_a_camera_that_is_silent_or_floods_does_not_keep_the_other_waiting(start, bundle_folder, bench) -> None:
    node = start(
        "segment_node",
        model=str(bundle_folder),
        threads=1,
        cameras=["front", "wrist"],
        image_topic="/{camera}/image_raw",
        query="red",
    )
    front, wrist = View(bench, "front"), View(bench, "wrist")
    bench.listen(0.5)
    wrist.until_answered(picture(), "an answer of the wrist alone")
    for _ in range(20):
        for _ in range(10):
            front.show(picture())
        wrist.show(picture())
        bench.listen(0.1)
    bench.until(lambda: len(wrist.results) > 5 and front.results, "answers of both")
    stamps = [(one.header.stamp.sec, one.header.stamp.nanosec) for one in wrist.results]
    assert stamps == sorted(set(stamps))
    node.check()


def test_compressed_images_are_answered_and_the_transport_is_live(start, bundle_folder, bench) -> None:
    start("segment_node", model=str(bundle_folder), threads=1, image_transport="compressed", query="red")
    compressed = bench.node.create_publisher(CompressedImage, "/camera/image_raw/compressed", 10)
    bench.until(
        lambda: compressed.get_subscription_count() and bench.node.count_publishers("/refseg/result"), "the node"
    )
    bench.listen(0.5)
    data = cv2.imencode(".png", picture()[..., ::-1])[1].tobytes()
    sent = []

    def answered() -> bool:
        sent.append(bench.header())
        message = CompressedImage(header=sent[-1], format="rgb8; png compressed bgr8", data=array.array("B", data))
        compressed.publish(message)
        bench.listen(0.05)  # the newest image wins: a broken one that came at once would take its place
        compressed.publish(CompressedImage(header=bench.header(), format="jpeg", data=array.array("B", data[:100])))
        bench.listen(0.05)
        return bool(bench.results)

    bench.until(answered, "an answer")
    (result, *_) = bench.results
    assert result.verdict == Segmentation.FOUND
    assert (result.mask.width, result.mask.height) == (320, 240)
    assert result.header in sent
    outcome = bench.set("image_transport", "raw")
    assert outcome.successful
    bench.until(lambda: bench.images.get_subscription_count(), "the subscription to raw images")
    assert not compressed.get_subscription_count()
    bench.results.clear()
    assert bench.answer(picture(), "red").verdict == Segmentation.FOUND
    outcome = bench.set("image_transport", "pigeon")
    assert not outcome.successful
    assert "one of raw, compressed" in outcome.reason
