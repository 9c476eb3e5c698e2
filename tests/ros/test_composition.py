"""Several nodes in one process and one executor, as a user composes them."""

from __future__ import annotations

import json
import re
import struct
import threading
import urllib.request
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_msgs.msg import String

from refseg_ros.msg import Segmentation
from refseg_ros.node.camera_node import CameraNode
from refseg_ros.node.segment_node import SegmentNode
from tests.ros.bench import GREEN, RED, picture
from tests.speech.voice import needs_espeak, say, write_wav


def overrides(**values: object) -> list[Parameter]:
    return [Parameter(name, value=value) for name, value in values.items()]


def test_two_cameras_and_two_nodes_answer_in_one_process(bundle_folder, bench, tmp_path) -> None:
    context = rclpy.Context()
    rclpy.init(context=context)
    executor = SingleThreadedExecutor(context=context)
    answers: dict[str, list[Segmentation]] = {"left": [], "right": []}
    cameras, segments = [], []
    for (side, heard), colour in zip(answers.items(), (RED, GREEN), strict=True):
        (tmp_path / side).mkdir()
        cv2.imwrite(str(tmp_path / side / "picture.png"), picture(colour)[..., ::-1])
        shown = overrides(source=str(tmp_path / side))
        cameras.append(CameraNode(context=context, namespace=f"/{side}/camera", parameter_overrides=shown))
        wanted = overrides(
            model=str(bundle_folder), threads=1, query="red", image_topic=f"/{side}/camera/image_raw", max_frame_age=0.0
        )
        segments.append(SegmentNode(context=context, namespace=f"/{side}", parameter_overrides=wanted))
        bench.node.create_subscription(Segmentation, f"/{side}/result", heard.append, 50)
    try:
        for node in (*cameras, *segments):
            executor.add_node(node)
        assert all(node.start() for node in segments)
        spinning = threading.Thread(target=executor.spin, daemon=True)
        spinning.start()
        bench.until(lambda: all(len(heard) > 2 for heard in answers.values()), "answers of both")
        assert {one.verdict for one in answers["left"]} == {Segmentation.FOUND}
        assert {one.verdict for one in answers["right"]} == {Segmentation.NOT_FOUND}
        stamps = [one.header.stamp for one in answers["left"]]
        assert len({(stamp.sec, stamp.nanosec) for stamp in stamps}) == len(stamps)
    finally:
        executor.shutdown()
        spinning.join(30)
        for node in (*cameras, *segments):
            assert node.close()
            node.destroy_node()
        rclpy.shutdown(context=context)

    def still_there() -> set[str]:
        return {space for _, space in bench.node.get_node_names_and_namespaces()} & {"/left", "/right"}

    bench.until(lambda: not still_there(), "the end of the destroyed nodes, which are still referred to here")


@pytest.fixture
def composed() -> Iterator[Callable[..., list]]:
    """Make nodes of classes and parameters in the namespace /left of one context, and spin them in one executor."""
    context = rclpy.Context()
    rclpy.init(context=context)
    executor = SingleThreadedExecutor(context=context)
    nodes: list = []

    def compose(parts: dict[type[Node], dict[str, object]]) -> list:
        for kind, parameters in parts.items():
            given = overrides(**parameters)
            nodes.append(kind(context=context, namespace="/left", parameter_overrides=given))
            executor.add_node(nodes[-1])
        spinning.start()
        return nodes

    spinning = threading.Thread(target=executor.spin, daemon=True)
    yield compose
    executor.shutdown()
    spinning.join(30)
    for node in nodes:
        assert node.close()
        node.destroy_node()
    rclpy.shutdown(context=context)


def test_the_page_is_served_beside_what_it_shows(composed, bundle_folder, bench, tmp_path) -> None:
    pytest.importorskip("nicegui", reason="nicegui is not installed (the extra `web`)")
    from websockets.sync.client import connect

    from refseg_ros.node.web_node import WebNode

    cv2.imwrite(str(tmp_path / "picture.png"), picture()[..., ::-1])
    depth = "qos_overrides./left/query.publisher.depth"
    same = {"model": str(bundle_folder), "image_topic": "/left/image_raw"}
    _, segment, web = composed(
        {
            CameraNode: {"source": str(tmp_path)},
            SegmentNode: same | {"threads": 1, "max_frame_age": 0.0},
            WebNode: same | {"port": 0, "lessons": str(tmp_path / "lessons"), depth: 3},
        }
    )
    assert web.get_parameter(depth).value == 3
    assert segment.start()
    web.start()
    web.ask("red")
    page = urllib.request.urlopen(web.address).read().decode()
    key = re.search(r"pictures/[\w-]+", page)[0]

    def boxes() -> list[list[int]]:
        pictures.send("0")
        data = pictures.recv(30)
        head = json.loads(data[4 : 4 + struct.unpack(">I", data[:4])[0]]) if data else {"marks": []}
        return [mark["box"] for mark in head["marks"]]

    with connect(web.address.replace("http", "ws") + key) as pictures:
        (box,) = bench.until(boxes, "a mask on the page")
    assert np.allclose(box, [96, 48, 96, 96], atol=4)
    given = web.proposals(picture(), "red")
    assert not given.cancel(), "the page waits no longer, and the answer that comes later is no fault"
    bench.until(given.done, "the proposals")


@needs_espeak
def test_what_is_said_comes_in_the_namespace_that_is_given(composed, bench, tmp_path) -> None:
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed (the extra `speech`)")
    from refseg_ros.node.speech_node import SpeechNode

    heard: list[str] = []
    bench.node.create_subscription(String, "/left/query", lambda message: heard.append(message.data), 10)
    pause = np.zeros(16000, np.int16)
    sound = write_wav(tmp_path / "said.wav", np.concatenate([pause, say("the leftmost object"), pause]))
    (speech,) = composed({SpeechNode: {"source": str(sound), "wake_word": ""}})
    speech.start()
    bench.until(lambda: heard, "the query")
    assert heard == ["the leftmost object"]
