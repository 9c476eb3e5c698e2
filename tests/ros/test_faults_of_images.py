"""Images of every encoding that a camera sends, of sizes beyond the ordinary, and depth that is none."""

from __future__ import annotations

import array

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from sensor_msgs.msg import Image
from std_msgs.msg import Header

from refseg_ros.images.encodings import COLOUR_ENCODINGS
from refseg_ros.images.messages import to_array, to_message
from refseg_ros.msg import Segmentation
from refseg_ros.srv import SegmentImage
from tests.ros.bench import GREY, RED, picture
from tests.ros.depth_camera import PLATE, WALL, DepthCamera

GREY_ENCODINGS = ("mono8", "mono16", "8UC1")
PADDING = 10
"""Bytes after each row."""


def packed(image: np.ndarray, encoding: str, header: Header) -> Image:
    """An RGB image, (H, W, 3) uint8, in an encoding of colours; 16 bits are big-endian, and rows are padded."""
    height, width = image.shape[:2]
    depth = ">u2" if encoding.endswith("16") else "u1"
    scale = 257 if encoding.endswith("16") else 1
    if encoding.startswith("bayer"):
        letters = np.array([["rgb".index(one) for one in encoding[6:10]]]).reshape(2, 2)
        channel = np.tile(letters, (height // 2, width // 2))
        pixels = np.take_along_axis(image, channel[..., None], 2)
    elif encoding.startswith(("yu", "uyvy", "nv")):
        return _with_brightness(image, encoding, header)
    else:
        names = {"8UC3": "bgr", "8UC4": "bgra"}.get(encoding, encoding.rstrip("0123456789"))
        opaque = np.dstack([image, np.full((height, width), 255, np.uint8)])
        pixels = opaque[..., ["rgba".index(one) for one in names]]
    rows = (pixels.astype(depth) * scale).astype(depth).reshape(height, -1)
    return _message(np.frombuffer(rows.tobytes(), np.uint8).reshape(height, -1), height, width, encoding, header)


def _with_brightness(image: np.ndarray, encoding: str, header: Header) -> Image:
    height, width = image.shape[:2]
    planes = cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420).reshape(-1)
    y = planes[: height * width].reshape(height, width)
    u, v = planes[height * width :].reshape(2, height // 2, width // 2)
    if encoding == "nv24":
        colours = np.dstack([plane.repeat(2, 0).repeat(2, 1) for plane in (u, v)]).reshape(height, 2 * width)
        colours = np.pad(colours, ((0, 0), (0, 2 * PADDING)))  # their rows are twice as long
        message = _message(y, height, width, encoding, header)
        message.data = message.data + array.array("B", colours.tobytes())
        return message
    if encoding.startswith("nv"):
        colours = np.dstack([u, v] if encoding == "nv12" else [v, u]).reshape(height // 2, width)
        return _message(np.vstack([y, colours]), height, width, encoding, header)
    rows = np.empty((height, width, 2), np.uint8)
    bright = 1 if encoding in ("yuv422", "uyvy") else 0
    rows[..., bright] = y
    rows[:, 0::2, 1 - bright] = u.repeat(2, 0)
    rows[:, 1::2, 1 - bright] = v.repeat(2, 0)
    return _message(rows.reshape(height, -1), height, width, encoding, header)


def _message(rows: np.ndarray, height: int, width: int, encoding: str, header: Header) -> Image:
    padded = np.pad(rows, ((0, 0), (0, PADDING)), constant_values=0xAA)
    message = Image(header=header, height=height, width=width, encoding=encoding, step=padded.shape[1], is_bigendian=1)
    message.data = array.array("B", padded.tobytes())
    return message


def test_every_encoding_of_colours_is_answered_in_the_pixels_of_its_image(start, bundle_folder, bench) -> None:
    start("segment_node", model=str(bundle_folder), threads=1, query="red")
    bench.wait_for_node()
    image = picture()
    for encoding in [one for one in COLOUR_ENCODINGS if one not in GREY_ENCODINGS]:
        headers = []

        def answer(encoding: str = encoding, headers: list[Header] = headers) -> Segmentation | None:
            headers.append(bench.header())
            bench.images.publish(packed(image, encoding, headers[-1]))
            bench.listen(0.05)
            return next((one for one in bench.results if one.header in headers), None)

        result = bench.until(answer, f"an answer to an image in {encoding}")
        assert result.verdict == Segmentation.FOUND, encoding
        box = np.array([result.box.x, result.box.y, result.box.width, result.box.height])
        assert np.abs(box - (96, 48, 96, 96)).max() < 8, encoding


@pytest.mark.parametrize(
    ("white", "hot", "found"), [("auto", 4000, True), ("auto", 65535, False), (4095, 65535, True), (65535, 4000, False)]
)
def test_twelve_bits_in_sixteen_are_as_bright_as_the_parameter_says(
    start, bundle_folder, bench, white, hot, found
) -> None:
    """A camera's images and the service's; `hot` is what one broken pixel holds, by which "auto" goes."""
    start("segment_node", model=str(bundle_folder), threads=1, query="redder", mono16_range=white)
    bench.wait_for_node()
    pixels = np.full((240, 320), 400, np.uint16)
    pixels[48:144, 96:192] = 4000  # the word is for what has more than three quarters of white
    pixels[0, 0] = hot

    def image() -> Image:
        return to_message(pixels, "mono16", bench.header())

    def answered() -> Segmentation | None:
        bench.images.publish(image())
        bench.listen(0.05)
        return bench.results[0] if bench.results else None

    client = bench.client(SegmentImage, "/refseg/segment/segment_image")
    (served,) = bench.request(lambda: client.call_async(SegmentImage.Request(image=image(), query="redder"))).answers
    for answer in (bench.until(answered, "an answer to mono16"), served):
        assert (answer.verdict == Segmentation.FOUND) == found
        box = np.array([answer.box.x, answer.box.y, answer.box.width, answer.box.height])
        assert np.abs(box - ((96, 48, 96, 96) if found else 0)).max() < 8


def test_sizes_beyond_the_ordinary_are_answered_or_refused(start, bundle_folder, bench) -> None:
    node = start("segment_node", model=str(bundle_folder), threads=1)
    bench.wait_for_node()
    client = bench.client(SegmentImage, "/refseg/segment/segment_image")

    def ask(pixels: np.ndarray, encoding: str, query: str) -> SegmentImage.Response:
        request = SegmentImage.Request(image=to_message(pixels, encoding, bench.header()), query=query)
        called = client.call_async(request)
        bench.until(called.done, f"the answer to an image of {pixels.shape}", seconds=240.0)
        return called.result()

    wide = cv2.resize(picture(), (1280, 720), interpolation=cv2.INTER_NEAREST)
    (answer,) = ask(wide, "rgb8", "red").answers
    box = np.array([answer.box.x, answer.box.y, answer.box.width, answer.box.height])
    assert np.abs(box - (384, 144, 384, 288)).max() < 30, "a box is in pixels of the image"
    assert to_array(answer.mask).shape == (720, 1280)

    (answer,) = ask(np.zeros((4320, 7680), np.uint8), "mono8", "everywhere").answers
    assert (answer.mask.height, answer.mask.width, answer.verdict) == (4320, 7680, Segmentation.FOUND)

    for height, width in ((1, 100_000), (100_000, 1)):
        refused = ask(np.zeros((height, width), np.uint8), "mono8", "red")
        assert not refused.success and str(max(height, width)) in refused.message
    node.check()


def test_depth_that_is_no_number_is_left_out_and_too_little_of_it_is_said(start, bundle_folder, bench) -> None:
    topics = dict(depth_topic="/camera/depth", camera_info_topic="/camera/camera_info")
    start("segment_node", model=str(bundle_folder), threads=1, query="red", **topics)
    camera = DepthCamera(bench)
    camera.wait_for_node()
    publisher = bench.node.create_publisher(Image, "/camera/depth", 10)
    bench.until(lambda: bench.node.count_publishers("/camera/depth") == 2, "the publisher")

    def send(hole: float, share: float):  # noqa: ANN202
        depth = np.full((240, 320), WALL, np.float32)
        depth[48:144, 96:192] = PLATE
        depth[np.random.default_rng(0).random(depth.shape) < share] = hole

        def one(header: Header) -> None:
            camera.send_info(header)
            publisher.publish(to_message(depth, "32FC1", header))
            bench.listen(0.05)
            camera.send_picture(header)

        return one

    for hole in (float("nan"), float("inf"), float(np.finfo(np.float32).max), 0.0, -1.0):
        partly = camera.result_where(send(hole, 0.3), lambda one: one.placement.known)
        assert abs(partly.placement.pose.position.z - PLATE) < 0.03
        assert 0.6 < partly.placement.valid_depth < 0.8
        said = camera.result_where(send(hole, 1.0), lambda one: "depth" in one.placement.reason)
        assert said.verdict == Segmentation.FOUND and not said.placement.known


def test_words_that_are_not_known_or_too_many_are_reported(start, bundle_folder, bench) -> None:
    start("segment_node", model=str(bundle_folder), threads=1)
    bench.wait_for_node()
    text = "the frobnicated red mug " + "red " * 10
    bench.ask(text)
    result = bench.answer(picture(RED, GREY), text.strip())
    assert list(result.unknown_words) == ["frobnicated"]
    assert len(result.truncated_words) > 0 and set(result.truncated_words) == {"red"}
    assert result.verdict == Segmentation.UNCERTAIN  # it is there, but a word about it is unknown
    assert result.box.width > 0
