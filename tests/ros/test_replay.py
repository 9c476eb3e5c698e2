"""`python -m refseg_ros.replay`, run as a user runs it, on bags that are recorded here."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("rosbags", reason="rosbags is not installed (the extra `replay`)")

from builtin_interfaces.msg import Time
from rclpy.serialization import deserialize_message, serialize_message
from rosbags.rosbag2 import Reader, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header, String

from refseg_ros import Segmenter
from refseg_ros.images.messages import to_array, to_message
from refseg_ros.msg import BoundingBox, Segmentation
from refseg_ros.replay import main
from tests.ros.signals import interruptible
from tests.waiting import until

ROOT = Path(__file__).parent.parent.parent
TYPES = {"/refseg/result": Segmentation, "/refseg/mask": Image, "/refseg/bbox": BoundingBox}
RATE = 0.1
"""Seconds between the images of a recording."""


def pictures() -> list[np.ndarray]:
    """A red square that moves, and is gone in the last two of eight."""
    made = []
    for index in range(8):
        image = np.full((120, 160, 3), 90, np.uint8)
        if index < 6:
            image[40:80, 20 + 4 * index : 60 + 4 * index] = (220, 10, 10)
        made.append(image)
    return made


def messages() -> list[tuple[int, Image]]:
    found = []
    for index, image in enumerate(pictures()):
        header = Header(stamp=Time(sec=50, nanosec=int(index * RATE * 1e9)), frame_id="optical")
        found.append((50_000_000_000 + int((index * RATE + 0.02) * 1e9), to_message(image, "rgb8", header)))
    return found


def record(path: Path, topics: dict[str, list[tuple[int, object]]], storage=StoragePlugin.SQLITE3) -> Path:
    types = get_typestore(Stores.ROS2_HUMBLE)
    with Writer(path, version=8, storage_plugin=storage) as writer:
        for topic, sent in topics.items():
            kind = f"{'std' if isinstance(sent[0][1], String) else 'sensor'}_msgs/msg/{type(sent[0][1]).__name__}"
            connection = writer.add_connection(topic, kind, typestore=types)
            for moment, message in sent:
                writer.write(connection, moment, serialize_message(message))
    return path


def command(bag: Path, text: str, model: Path) -> list[str]:
    return [sys.executable, "-m", "refseg_ros.replay", str(bag), text, "--model", str(model), "--threads", "1"]


def replay(bag: Path, text: str, model: Path, *arguments: str) -> subprocess.CompletedProcess:
    line = [*command(bag, text, model), *arguments]
    return subprocess.run(line, capture_output=True, text=True, cwd=ROOT, timeout=300, check=False)


def read(path: Path) -> list[tuple[str, int, bytes]]:
    with Reader(path) as reader:
        return [(connection.topic, moment, bytes(data)) for connection, moment, data in reader.messages()]


def refused(result: subprocess.CompletedProcess, *words: str) -> None:
    assert result.returncode == 2 and result.stdout == ""
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize("storage", list(StoragePlugin), ids=lambda storage: storage.name.lower())
def test_every_image_is_answered_as_by_the_library(tmp_path, bundle_folder, storage):
    bag = record(tmp_path / "bag", {"/camera/image_raw": messages()}, storage)
    result = replay(bag, "the red mug; the green mug", bundle_folder)
    assert result.returncode == 0, result.stderr
    assert "16 answers: NOT_FOUND 10, FOUND 6" in result.stdout
    written = tmp_path / "bag.refseg"
    assert any(written.glob("*.mcap" if storage is StoragePlugin.MCAP else "*.db3"))
    found: dict[str, list] = {topic: [] for topic in TYPES}
    for topic, moment, data in read(written):
        found[topic].append((moment, deserialize_message(data, TYPES[topic])))
    stream = Segmenter(bundle_folder, threads=1).stream()
    expected = []
    for (moment, message), image in zip(messages(), pictures(), strict=True):
        stream.observe(image, message.header.stamp.sec + message.header.stamp.nanosec * 1e-9)
        expected += [(moment, message.header, answer) for answer in stream.answer(["the red mug", "the green mug"])]
    for results, masks, boxes, (moment, header, answer) in zip(*found.values(), expected, strict=True):
        assert results[0] == masks[0] == boxes[0] == moment
        assert results[1].header == masks[1].header == boxes[1].header == header
        assert results[1].query == answer.text and results[1].verdict == answer.verdict
        assert results[1].frame_age == pytest.approx(0.02, abs=1e-6)
        assert np.array_equal(to_array(masks[1]), answer.mask)
        assert (boxes[1].x, boxes[1].y, boxes[1].width, boxes[1].height) == tuple(answer.box)


def test_the_same_bag_gives_the_same_messages(tmp_path, bundle_folder):
    bag = record(tmp_path / "bag", {"/camera/image_raw": messages()})
    for name in ("one", "two"):
        assert replay(bag, "redder", bundle_folder, "-o", str(tmp_path / name)).returncode == 0
    # Not their bytes: those between the fields, which align them, have no meaning and may differ.
    one, two = (
        [(topic, moment, deserialize_message(data, TYPES[topic])) for topic, moment, data in read(tmp_path / name)]
        for name in ("one", "two")
    )
    assert one == two and len(one) == 24


def test_compressed_images_are_answered_as_those_that_are_not(tmp_path, bundle_folder):
    packed = []
    for (moment, message), image in zip(messages(), pictures(), strict=True):
        data = cv2.imencode(".png", image[..., ::-1])[1].tobytes()
        packed.append((moment, CompressedImage(header=message.header, format="rgb8; png compressed bgr8", data=data)))
    for name, sent in (("raw", messages()), ("packed", packed)):
        bag = record(tmp_path / name, {f"/{name}": sent})
        assert replay(bag, "the red mug", bundle_folder).returncode == 0
    raw, compressed = (
        [(moment, deserialize_message(data, TYPES[topic])) for topic, moment, data in read(tmp_path / f"{name}.refseg")]
        for name in ("raw", "packed")
    )
    assert raw == compressed and len(raw) == 24


def test_the_new_bag_describes_its_messages(tmp_path, bundle_folder):
    bag = record(tmp_path / "bag", {"/camera/image_raw": messages()})
    assert replay(bag, "red", bundle_folder).returncode == 0
    with Reader(tmp_path / "bag.refseg") as reader:
        definitions = {item.msgtype: item.msgdef.data for item in reader.connections}
    assert "float32[] word_attention" in definitions["refseg_ros/msg/Segmentation"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bag", "bag.refseg"]


def test_damaged_images_are_counted_and_the_rest_is_answered(tmp_path, bundle_folder):
    sent = messages()
    sent[2][1].encoding = "\x1b[31m"
    result = replay(record(tmp_path / "bag", {"/camera/image_raw": sent}), "red", bundle_folder)
    assert result.returncode == 0 and "7 answers" in result.stdout
    assert "images refused: 1" in result.stderr and "\x1b" not in result.stderr


def test_twelve_bits_in_sixteen_are_as_bright_as_the_option_says(tmp_path, bundle_folder):
    pixels = np.full((120, 160), 400, np.uint16)
    pixels[40:80, 20:60] = 4000
    pixels[0, 0] = 65535  # a broken pixel
    bag = record(tmp_path / "bag", {"/camera/image_raw": [(1, to_message(pixels, "mono16", Header()))]})
    for given, verdict in ((), "NOT_FOUND 1"), (("--mono16-range", "4095"), "FOUND 1"):
        result = replay(bag, "redder", bundle_folder, "-o", str(tmp_path / verdict), *given)
        assert f"1 answers: {verdict}" in result.stdout, result.stderr
    refused(replay(bag, "redder", bundle_folder, "--mono16-range", "12bit"), "mono16_range is '12bit'")


def test_a_single_file_of_a_bag_is_one(tmp_path, bundle_folder):
    for storage in StoragePlugin:
        bag = record(tmp_path / storage.name, {"/camera/image_raw": messages()}, storage)
        (file,) = (path for path in bag.iterdir() if path.name != "metadata.yaml")
        result = replay(file, "the red mug", bundle_folder, "-o", str(tmp_path / f"{storage.name}.answers"))
        assert result.returncode == 0 and "8 answers" in result.stdout, result.stderr


def test_the_metadata_of_a_bag_means_its_folder(tmp_path, bundle_folder):
    bag = record(tmp_path / "bag", {"/camera/image_raw": messages()}, StoragePlugin.MCAP)
    result = replay(bag / "metadata.yaml", "the red mug", bundle_folder)
    assert result.returncode == 0 and "8 answers" in result.stdout, result.stderr
    assert list((tmp_path / "bag.refseg").glob("*.mcap")) and len(list(bag.iterdir())) == 2


def test_a_new_bag_is_not_replayed_as_if_it_were_of_a_camera(tmp_path, bundle_folder):
    bag = record(tmp_path / "bag", {"/camera/image_raw": messages()})
    assert replay(bag, "red", bundle_folder).returncode == 0
    refused(replay(tmp_path / "bag.refseg", "red", bundle_folder), "/refseg/mask, which are answers of refseg_ros")


def test_a_topic_without_a_usable_image_is_no_success(tmp_path, bundle_folder):
    with Writer(tmp_path / "bag", version=8) as writer:
        writer.add_connection("/camera/image_raw", "sensor_msgs/msg/Image", typestore=get_typestore(Stores.ROS2_HUMBLE))
    refused(replay(tmp_path / "bag", "red", bundle_folder), "/camera/image_raw holds no image")
    broken = [(moment, Image(header=message.header, encoding="rgb8", height=4)) for moment, message in messages()]
    bag = record(tmp_path / "broken", {"/camera/image_raw": broken})
    refused(replay(bag, "red", bundle_folder), "holds no image that can be read (8 refused: image of 0x4 pixels")
    assert not list(tmp_path.glob("*.refseg"))


def test_words_that_the_model_does_not_know_are_named_once(tmp_path, bundle_folder):
    bag = record(tmp_path / "bag", {"/camera/image_raw": messages()})
    result = replay(bag, "the xyzzy mug; plugh", bundle_folder)
    lines = [f"words that the model does not know: {word}" for word in ("xyzzy", "plugh")]
    assert result.returncode == 0 and result.stderr.splitlines() == lines


def test_ctrl_c_leaves_no_bag(tmp_path, bundle_folder):
    tiny = to_message(np.zeros((12, 16, 3), np.uint8), "rgb8", Header())
    bag = record(tmp_path / "bag", {"/camera/image_raw": [(moment, tiny) for moment in range(3000)]})
    process = subprocess.Popen(
        command(bag, "red", bundle_folder), cwd=ROOT, stderr=subprocess.PIPE, text=True, preexec_fn=interruptible
    )
    until(lambda: list(tmp_path.glob(".bag.refseg*")), "the bag that it writes", process)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[1] == "stopped\n" and process.returncode == 130
    assert list(tmp_path.iterdir()) == [bag]


@pytest.mark.parametrize("storage", [StoragePlugin.SQLITE3, StoragePlugin.MCAP])
def test_a_full_disk_is_told_in_one_line_and_leaves_no_bag(tmp_path, bundle_folder, storage):
    bag = record(tmp_path / "bag", {"/camera/image_raw": messages()}, storage)
    done = subprocess.run(
        command(bag, "red", bundle_folder),
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=small_files,
        check=False,
    )
    refused(done, f"{bag}.refseg: cannot be written: ")
    assert list(tmp_path.iterdir()) == [bag]


def small_files() -> None:
    """For `preexec_fn`: files can't grow beyond 20 kB, which fails as a full disk does."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def test_what_cannot_be_replayed_is_refused_in_one_line(tmp_path, bundle_folder, capsys):
    def here(*arguments: str | Path) -> subprocess.CompletedProcess:
        """The command in this process, where it ends before it answers an image."""
        code = main([*map(str, arguments), "--threads", "1"])
        return subprocess.CompletedProcess(arguments, code, *capsys.readouterr())

    text = [(1, String(data="hello"))]
    both = record(tmp_path / "both", {"/front": messages(), "/wrist": messages(), "/chatter": text})
    none = record(tmp_path / "none", {"/chatter": text})
    (tmp_path / "folder").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "metadata.yaml").write_text("{")
    (tmp_path / "taken").mkdir()
    refused(replay(tmp_path / "nowhere", "red", bundle_folder), "nowhere: there is no such bag")
    model = ("--model", bundle_folder)
    refused(here(tmp_path / "folder", "red", *model), "folder: not a bag", "metadata")
    refused(here(tmp_path / "broken", "red", *model), "broken")
    refused(here(both, "red", *model), "images on: /front, /wrist; name one")
    refused(here(both, "red", *model, "--image-topic", "/left"), "no topic /left", "/front, /wrist")
    refused(here(both, "red", *model, "--image-topic", "/frint"), "did you mean /front?")
    refused(here(both, "red", *model, "--image-topic", "front"), "did you mean /front?")
    refused(here(both, "red", *model, "--image-topic", "/chatter"), "std_msgs/msg/String", "/front")
    refused(here(none, "red", *model), "no topic of images", "/chatter (std_msgs/msg/String)")
    refused(here(both, "red", *model, "--image-topic", "/front", "-o", tmp_path / "taken"), "exists")
    nowhere = here(both, "red", *model, "--image-topic", "/front", "-o", "/proc/answers")
    refused(nowhere, "error: /proc/answers: cannot be written: No such file or directory\n")
    refused(here(both, " ; ", *model, "--image-topic", "/front"), "no expression")
    refused(here(both, "red", "--model", tmp_path / "no_model", "--image-topic", "/front"), "no_model")
    left = {"both", "none", "folder", "broken", "taken"}
    assert {path.name for path in tmp_path.iterdir()} == left
