"""The services of the node: one image out of any stream, and a new beginning."""

from __future__ import annotations

import array
import functools

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from lifecycle_msgs.msg import Transition
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from refseg_ros.images.messages import to_array, to_message
from refseg_ros.msg import Segmentation
from refseg_ros.node.services import MOST_WAITING
from refseg_ros.srv import SegmentImage
from tests.ros.bench import GREY, RED, picture
from tests.ros.manager import Manager
from tests.ros.signals import ended_by
from tests.ros.slow_bundle import SLOW_WORD, write_slow_bundle

SERVICE = "/refseg/segment/segment_image"


@pytest.fixture
def ask(bench):
    """Calls ~/segment_image and waits for the response."""
    client = functools.cache(lambda: bench.client(SegmentImage, SERVICE))  # once the test has started the node

    def one(image: Image, query: str) -> SegmentImage.Response:
        return bench.request(lambda: client().call_async(SegmentImage.Request(image=image, query=query)))

    return one


def test_one_image_gets_an_answer_to_each_expression(start, bundle_folder, bench, ask) -> None:
    start("segment_node", model=str(bundle_folder), threads=1, query="red")
    bench.wait_for_node()
    bench.answer(picture(), "red")
    header = bench.header()
    response = ask(to_message(picture(), "rgb8", header), "the red mug; green; gibberish")
    assert response.success, response.message
    assert [answer.query for answer in response.answers] == ["the red mug", "green", "gibberish"]
    verdicts = [Segmentation.FOUND, Segmentation.NOT_FOUND, Segmentation.NOT_UNDERSTOOD]
    assert [answer.verdict for answer in response.answers] == verdicts
    assert all(answer.header == header for answer in response.answers)
    mask = to_array(response.answers[0].mask)
    assert mask.shape == (240, 320) and (mask[54:138, 102:186] == 255).all()
    assert len({answer.query_id for answer in response.answers} | {1}) == 4
    known = len(bench.results)
    bench.listen(0.3)
    assert len(bench.results) == known, "nobody else hears of it"
    assert bench.answer(picture(), "red").query_id == 1, "what is asked of the camera stays"


def test_what_cannot_be_searched_is_said(start, bundle_folder, bench, ask) -> None:
    node = start("segment_node", model=str(bundle_folder), threads=1, autostart=False)
    good = to_message(picture(), "rgb8", bench.header())
    response = ask(good, "red")
    assert (response.success, response.message) == (False, "the node is not active")
    client = bench.client(Trigger, "/refseg/segment/reset")
    reset = bench.request(lambda: client.call_async(Trigger.Request()))
    assert (reset.success, reset.message) == (False, "the node is not active")
    manager = Manager(bench)
    assert manager.change(Transition.TRANSITION_CONFIGURE) and manager.change(Transition.TRANSITION_ACTIVATE)
    bad = Image(width=320, height=240, step=3, encoding="rgb8", data=array.array("B", bytes(720)))
    thin = to_message(np.zeros((20000, 1, 3), np.uint8), "rgb8", bench.header())
    for image, query, words in (
        (bad, "red", "step"),
        (Image(), "red", "encoding"),
        (thin, "red", "20000"),
        (good, "", "no expression"),
        (good, "red;" * 9, "more than the 8"),
    ):
        response = ask(image, query)
        assert not response.success and not response.answers
        assert words in response.message
    assert ask(good, "red").success
    node.check()


def test_an_image_in_the_works_when_the_node_is_deactivated_is_given_up(start, bench, tmp_path) -> None:
    node = start("segment_node", model=str(write_slow_bundle(tmp_path / "slow")), threads=1)
    manager = Manager(bench)
    client = bench.client(SegmentImage, SERVICE)
    bench.wait_for_node()
    image = to_message(picture(), "rgb8", bench.header())
    waiting = client.call_async(SegmentImage.Request(image=image, query=SLOW_WORD))
    bench.listen(1.0)
    assert not waiting.done()
    more = [client.call_async(SegmentImage.Request(image=image, query=SLOW_WORD)) for _ in range(MOST_WAITING)]
    bench.until(lambda: any(one.done() for one in more), "the refusal of one too many")
    (refused,) = (one.result() for one in more if one.done())
    assert (refused.success, refused.message) == (False, f"{MOST_WAITING} images wait already; ask again later")
    assert manager.change(Transition.TRANSITION_DEACTIVATE)
    for response in (bench.call(one) for one in (waiting, *more)):
        assert response is refused or (response.success, response.message) == (False, "the node was deactivated")
    assert ended_by(node) == 0, node.tail(50)


def test_reset_forgets_the_past_and_keeps_the_query(start, bundle_folder, bench) -> None:
    start("segment_node", model=str(bundle_folder), threads=1, query="redder", stable_frames=2)
    bench.wait_for_node()
    reset = bench.client(Trigger, "/refseg/segment/reset")
    bench.show_until(picture(RED, RED), lambda: bench.results and bench.results[-1].stable, "something red")
    bench.show(picture(GREY, GREY))
    bench.until(lambda: bench.results[-1].header.stamp.nanosec == int((bench.clock % 1) * 1e9), "the answer to it")
    assert bench.results[-1].verdict == Segmentation.FOUND, "something was red a moment ago"
    assert bench.request(lambda: reset.call_async(Trigger.Request())).success
    forgotten = bench.answer(picture(GREY, GREY), "redder")
    assert forgotten.verdict == Segmentation.NOT_FOUND
    assert not forgotten.lost
