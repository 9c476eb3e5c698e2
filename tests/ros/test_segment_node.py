"""The node in a process of its own, over the real network, with a bundle whose answers can be computed by hand."""

from __future__ import annotations

import array
import dataclasses
import signal
import struct

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from rcl_interfaces.srv import DescribeParameters, GetParameters
from sensor_msgs.msg import Image
from std_msgs.msg import String

from refseg_ros.images.messages import to_array
from refseg_ros.msg import Segmentation
from refseg_ros.ros.node_config import SegmentNodeConfig
from tests.ros.bench import GREEN, GREY, RED, picture
from tests.ros.signals import ended_by
from tests.ros.slow_bundle import SLOW_WORD, write_slow_bundle, write_slowly_loading_bundle
from tests.waiting import until

TOPIC = "/camera/image_raw.subscription"
"""What a parameter that overrides a QoS of the images names."""


@pytest.fixture
def node(start, bundle_folder, bench):
    """The node, ready, without a query."""
    process = start("segment_node", model=str(bundle_folder), threads=1)
    bench.wait_for_node()
    return process


def stamp_of(header) -> tuple[int, int]:
    return header.stamp.sec, header.stamp.nanosec


def test_an_answer_names_its_image_its_query_and_the_pixels(node, bench) -> None:
    bench.listen_to_overlays()
    bench.wait_for_node()
    bench.ask("the red mug")
    result = bench.answer(picture(), "the red mug")
    bench.until(lambda: bench.overlays and bench.masks and bench.boxes, "mask, box and overlay")

    assert result.header.frame_id == "the optical frame"
    assert (result.query_id, result.verdict) == (1, Segmentation.FOUND)
    box = result.box
    assert np.abs(np.array([box.x, box.y, box.width, box.height]) - (96, 48, 96, 96)).max() < 8
    assert 0.5 < result.score <= 1.0
    mask = to_array(result.mask)
    assert mask.shape == (240, 320)
    assert (mask[54:138, 102:186] == 255).all()
    assert np.count_nonzero(mask) == np.count_nonzero(mask[48:144, 96:192])
    assert set(np.unique(mask)) == {0, 255}
    assert list(result.words) == ["the", "red", "mug"]
    assert len(result.word_attention) == result.levels * len(result.words)
    assert sum(result.word_attention) == pytest.approx(result.levels)

    by_stamp = {stamp_of(one.header): one for one in bench.results}
    for messages in (bench.masks, bench.boxes, bench.overlays):
        assert messages[-1].header.frame_id == "the optical frame"
        assert stamp_of(messages[-1].header) in by_stamp
    mask_message = bench.masks[-1]
    assert mask_message.encoding == "mono8"
    assert mask_message.data == by_stamp[stamp_of(mask_message.header)].mask.data
    assert bench.boxes[-1] == by_stamp[stamp_of(bench.boxes[-1].header)].box
    assert to_array(bench.overlays[-1]).shape == (240, 320, 3)


def test_nothing_found_is_said_with_an_empty_mask_and_box(node, bench) -> None:
    bench.ask("green")
    result = bench.answer(picture(RED), "green")
    bench.until(lambda: bench.masks and bench.boxes, "mask and box")
    assert result.verdict == Segmentation.NOT_FOUND
    assert not any(bench.masks[0].data)
    assert (bench.boxes[0].x, bench.boxes[0].y, bench.boxes[0].width, bench.boxes[0].height) == (0, 0, 0, 0)
    bench.ask("gibberish")
    result = bench.answer(picture(RED), "gibberish")
    assert result.verdict == Segmentation.NOT_UNDERSTOOD
    assert list(result.unknown_words) == ["gibberish"]


def test_a_query_counts_from_the_next_image_and_an_empty_one_stops(node, bench) -> None:
    bench.ask("red")
    bench.answer(picture(), "red")
    bench.listen(0.5)
    known = len(bench.results)
    bench.ask("green")
    bench.listen(0.5)
    assert len(bench.results) == known, "a query is not answered on an image that came before it"
    assert bench.answer(picture(), "green").query_id == 2
    for nothing in ("", " \t\n "):
        bench.ask(nothing)
        bench.listen(0.5)
        known = len(bench.results)
        for _ in range(10):
            bench.show(picture())
            bench.listen(0.03)
        assert len(bench.results) == known
    bench.ask("red")
    assert bench.answer(picture(), "red").query_id == 3


def test_the_past_is_known_before_the_first_query(node, bench) -> None:
    """What was red while nothing was asked is still in the clip when a word about the past is asked."""
    for _ in range(30):
        bench.show(picture(RED, RED))
        bench.listen(0.03)
    bench.ask("redder")
    bench.listen(0.5)
    assert bench.answer(picture(GREY, GREY), "redder").verdict == Segmentation.FOUND
    bench.clock += 1000
    assert bench.answer(picture(GREY, GREY), "redder").verdict == Segmentation.NOT_FOUND, "a jump begins a new clip"
    bench.answer(picture(RED, RED), "redder")
    bench.clock -= 500
    assert bench.answer(picture(GREY, GREY), "redder").verdict == Segmentation.NOT_FOUND, "time that runs back does too"


BAD_IMAGES = {
    "encoding": dict(encoding="a\nb"),
    "no colours": dict(encoding="32FC1", step=1280, height=1),
    "no pixels": dict(width=0, height=0),
    "step": dict(step=3),
    "short": dict(height=241),
    "long": dict(height=239),
    "huge": dict(width=2**32 - 1, height=2**32 - 1, step=2**32 - 1),
    "thin": dict(width=1, height=76800, step=3),
}


def test_no_image_ends_the_node(node, bench) -> None:
    bench.ask("red")
    bench.answer(picture(), "red")
    for fault in list(BAD_IMAGES.values()) * 20:
        message = Image(**(dict(width=320, height=240, step=960, encoding="rgb8") | fault), header=bench.header())
        message.data = array.array("B", bytes(320 * 240 * 3))
        bench.images.publish(message)
        bench.listen(0.01)
    tiny = bench.answer(np.full((1, 1, 3), RED, np.uint8), "red")
    assert (tiny.mask.width, tiny.mask.height) == (1, 1)
    bench.answer(picture(), "red")
    node.check()
    refusals = [line for line in node.log.read_text().splitlines() if "refused" in line]
    assert 4 <= len(refusals) < 20, "each kind is told, but no flood"


def serialized(data: bytes) -> bytes:
    """A std_msgs/String of any bytes, as it goes over the wire."""
    return b"\x00\x01\x00\x00" + struct.pack("<I", len(data) + 1) + data + b"\x00"


HOSTILE_TEXTS = {
    "invalid UTF-8": b"\xff\xfe\x80 red",
    "lone surrogate": b"\xed\xa0\x80 red",
    "NUL": b"red\x00green",
    "control characters": b"\x1b[2J\x07red\r\n",
    "right to left": "\u202ered \u05d0".encode(),
    "emoji": "\U0001f9ff red".encode(),
    "10 MB": b"red " * 2_500_000,
    "one word of 1 MB": b"r" * 1_000_000,
}


def test_the_log_names_every_query_of_a_text_and_is_cut(node, bench) -> None:
    bench.ask("red; the mug\x1b[2J; green")
    bench.answer(picture(), "green")
    assert r"query 1: 'red'; 2: 'the mug\x1b[2J'; 3: 'green'" in node.log.read_text()
    bench.ask(";".join("\U0001f9ff" * 100 for _ in range(8)) + "; red")
    bench.ask("blue")
    bench.answer(picture(), "blue")
    assert max(map(len, node.log.read_text().splitlines())) < 400


def test_no_text_ends_the_node(node, bench) -> None:
    for text in HOSTILE_TEXTS.values():
        bench.queries.publish(serialized(text))
        bench.show(picture())
        bench.listen(0.2)
    bench.ask("the red mug")
    assert bench.answer(picture(), "the red mug").verdict == Segmentation.FOUND
    node.check()
    log = node.log.read_bytes()
    assert b"\x1b[2J" not in log
    assert max(map(len, log.splitlines())) < 400


def test_a_flood_of_queries_and_images_leaves_the_newest(node, bench) -> None:
    for number in range(2000):
        bench.ask(f"red {number}")
        if number % 20 == 0:
            bench.show(picture())
    bench.ask("green")
    result = bench.answer(picture(GREEN), "green")
    assert result.verdict == Segmentation.FOUND

    def the_newest_is_answered() -> bool:
        newest = bench.show(picture(GREEN))
        bench.listen(0.5)
        return stamp_of(bench.results[-1].header) == stamp_of(newest)

    bench.until(the_newest_is_answered, "an answer to the newest image")
    stamps = [stamp_of(one.header) for one in bench.results]
    assert stamps == sorted(set(stamps))


LIVE = {
    "image_transport",
    "depth_transport",
    "query",
    "threshold",
    "stable_frames",
    "stable_distance",
    "max_frame_age",
    "max_rate",
}


def test_parameters_are_described_live_and_checked(node, bench) -> None:
    describe = bench.client(DescribeParameters, "/refseg/segment/describe_parameters")
    asked = DescribeParameters.Request(names=[field.name for field in dataclasses.fields(SegmentNodeConfig)])
    for descriptor in bench.request(lambda: describe.call_async(asked)).descriptors:
        assert descriptor.description
        assert descriptor.read_only == (descriptor.name not in LIVE)

    assert bench.set("query", "green").successful
    assert bench.answer(picture(GREEN), "green").verdict == Segmentation.FOUND
    refused = bench.set("query", True)
    assert not refused.successful
    assert "query is True" in refused.reason
    refused = bench.set("query", 5)
    assert not refused.successful and refused.reason == "query is 5; it must be a text"
    assert not bench.set("threads", 2).successful
    get = bench.client(GetParameters, "/refseg/segment/get_parameters")
    (value,) = bench.request(lambda: get.call_async(GetParameters.Request(names=["query"]))).values
    assert value.string_value == "green"


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("busy", [False, True])
def test_a_signal_ends_it_with_exit_code_0(node, bench, sent, busy) -> None:
    if busy:
        bench.ask("red")
        bench.answer(picture(), "red")
        for _ in range(50):
            bench.show(picture())
    assert ended_by(node, sent) == 0, node.tail(50)
    assert "Traceback" not in node.log.read_text()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_the_middle_of_an_inference_that_takes_minutes(start, bench, tmp_path, sent) -> None:
    node = start("segment_node", model=str(write_slow_bundle(tmp_path / "slow")), threads=1)
    bench.wait_for_node()
    bench.ask("red")
    bench.answer(picture(), "red")
    bench.ask(SLOW_WORD)
    bench.listen(0.2)
    for _ in range(20):
        bench.show(picture())
        bench.listen(0.05)
    assert not any(result.query == SLOW_WORD for result in bench.results)
    assert ended_by(node, sent) == 0, node.tail(50)
    assert "what is still being computed is abandoned" in node.log.read_text()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_while_the_model_is_loaded(start, tmp_path, sent) -> None:
    node = start("segment_node", model=str(write_slowly_loading_bundle(tmp_path / "slow")), threads=1)
    until(lambda: node.check() or "the model is being loaded" in node.log.read_text(), "the model")
    assert ended_by(node, sent) == 0, node.tail(50)
    assert "Traceback" not in node.log.read_text()


def test_it_comes_back_after_being_killed(start, bundle_folder, bench) -> None:
    for _ in range(2):
        process = start("segment_node", model=str(bundle_folder), query="red")
        assert bench.answer(picture(), "red").query_id == 1
        process.process.kill()
        process.process.wait()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (dict(model="/nowhere/to/be\nfound"), "/nowhere"),
        (dict(threads="many"), "threads is 'many'"),
        (dict(image_topic="not a topic"), "not a topic"),
        (dict(image_topic="/refseg/query"), "on_activate failed: RCLError: Failed to create subscription: "),
        ({f"qos_overrides.{TOPIC}.reliability": "foo"}, f"{TOPIC}.reliability' is 'foo'; it must be one of "),
    ],
)
def test_what_it_cannot_start_with_is_one_line_and_exit_code_1(start, bundle_folder, parameters, words) -> None:
    """One of each kind; test_parameters.py has the others."""
    process = start("segment_node", **(dict(model=str(bundle_folder)) | parameters))
    assert process.process.wait(60) == 1
    lines = [line for line in process.log.read_text().splitlines() if "[FATAL]" in line]
    assert len(lines) == 1
    assert words in lines[0]
    assert "Traceback" not in process.log.read_text()


def test_an_override_that_no_topic_takes_is_warned_of(start, bundle_folder, bench) -> None:
    misspelt = "qos_overrides./camera/image.subscription.depth"
    node = start("segment_node", model=str(bundle_folder), **{misspelt: 2, f"qos_overrides.{TOPIC}.depth": 2})
    bench.wait_for_node()
    bench.until(lambda: "no topic takes" in node.log.read_text(), "the warning")
    (warning,) = [line for line in node.log.read_text().splitlines() if "[WARN]" in line and "no image" not in line]
    assert f"no topic takes '{misspelt}' so far; did you mean qos_overrides.{TOPIC}.depth?" in warning


def test_raw_bytes_are_what_they_seem() -> None:
    """The hostile texts are sent as the wire has them: a good one made in the same way is the message itself."""
    from rclpy.serialization import deserialize_message

    assert deserialize_message(serialized(b"red"), String) == String(data="red")
