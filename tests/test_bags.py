"""Reading images from bags that are recorded here with rosbags."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="rosbags is not installed (the extra `replay`)")

from rosbags.rosbag2 import CompressionMode, StoragePlugin
from ruamel.yaml import YAML

from refseg_ros.bags.images import BagError, ImageTopic, image_topics, open_images
from tests.search.bags import SECOND, add_topic, picture, record

TOPIC = "/camera/image_raw"
IMAGES = [picture(place) for place in range(0, 60, 10)]


@pytest.fixture(params=list(StoragePlugin), ids=lambda storage: storage.name.lower())
def storage(request: pytest.FixtureRequest) -> StoragePlugin:
    return request.param


def read(bag: Path, every: float = 0.0) -> tuple[list[np.ndarray], ImageTopic]:
    with open_images(bag) as source:
        return [image.rgb for image in source.images(every)], source


def assert_images(bag: Path, expected: Sequence[np.ndarray], every: float = 0.0) -> None:
    found, source = read(bag, every)
    assert not source.refused and not source.lost
    assert len(found) == len(expected) and all(map(np.array_equal, found, expected))


def change_metadata(bag: Path, change) -> None:
    yaml, path = YAML(typ="safe"), bag / "metadata.yaml"
    whole = yaml.load(path)
    change(whole["rosbag2_bagfile_information"])
    yaml.dump(whole, path)


def record_split(path: Path, storage: StoragePlugin, order: Sequence[int] = (0, 1, 2)) -> Path:
    """A bag of three files with two images each, which its metadata.yaml lists in an order."""
    names = [f"part_{number}.{'mcap' if storage is StoragePlugin.MCAP else 'db3'}" for number in range(3)]
    path.mkdir()
    for number, name in enumerate(names):
        part = record(
            path.with_name(name), IMAGES[2 * number : 2 * number + 2], storage=storage, begin=(50 + number) * SECOND
        )
        next(part.glob("*" + Path(name).suffix)).rename(path / name)
        (part / "metadata.yaml").rename(path / "metadata.yaml")
        part.rmdir()
    change_metadata(path, lambda bag: bag.update(relative_file_paths=[names[number] for number in order]))
    return path


def test_files_are_read_in_the_order_of_time_whatever_the_metadata_lists(tmp_path: Path, storage) -> None:
    bag = record_split(tmp_path / "bag", storage, order=(2, 0, 1))
    assert_images(bag, IMAGES)
    assert_images(bag, IMAGES[::2], every=0.5)


def test_a_folder_without_metadata_is_read_as_with_it(tmp_path: Path, storage) -> None:
    for bag, images in (
        (record_split(tmp_path / "split", storage), IMAGES),
        (record(tmp_path / "whole", IMAGES[1:], storage=storage), IMAGES[1:]),
    ):
        (bag / "metadata.yaml").unlink()
        assert_images(bag, images)


def test_of_a_recorder_that_was_killed_all_but_the_last_file_is_read(tmp_path: Path) -> None:
    bag = record_split(tmp_path / "bag", StoragePlugin.MCAP)
    (bag / "metadata.yaml").unlink()
    last = bag / "part_2.mcap"
    last.write_bytes(last.read_bytes()[:-200])
    found, source = read(bag)
    assert len(found) == 4 and all(map(np.array_equal, found, IMAGES))
    (reason,) = source.lost
    assert not source.refused
    assert reason.startswith(f"{last}: not a bag that can be read") and "`mcap recover`" in reason


def test_a_folder_of_several_bags_is_none(tmp_path: Path, storage) -> None:
    bag = record_split(tmp_path / "bag", storage)
    (bag / "metadata.yaml").unlink()
    one = next(bag.glob("part_1*"))
    one.rename(bag / f"another{one.suffix}")
    with pytest.raises(BagError, match=f"has no metadata.yaml; give one of its files, such as another{one.suffix}"):
        read(bag)


def test_files_that_overlap_in_time_are_read_as_one(tmp_path: Path, storage) -> None:
    """Two recorders have taken turns."""
    bag, other = (
        record(tmp_path / name, IMAGES[start::2], storage=storage, rate=2.5, begin=50 * SECOND + start * SECOND // 5)
        for start, name in enumerate(("bag", "other"))
    )
    file = next(path for path in other.iterdir() if path.name != "metadata.yaml")
    file.rename(bag / file.name)
    change_metadata(bag, lambda bag: bag["relative_file_paths"].append(file.name))
    assert_images(bag, IMAGES)


def test_topics_are_those_of_the_files_not_of_the_metadata(tmp_path: Path, storage) -> None:
    bag = record(tmp_path / "bag", IMAGES, storage=storage)

    def change(bag: dict) -> None:
        (topic,) = bag["topics_with_message_count"]
        topic["topic_metadata"].update(name="/before/image_raw", type_description_hash="RIHS01_" + 64 * "0")
        time = {"sec": 1, "nsec": 0}
        topic["topic_metadata"]["offered_qos_profiles"] = [
            {"history": 1, "depth": 5, "reliability": 2, "durability": 2, "liveliness": 1}
            | {"deadline": time, "lifespan": time, "liveliness_lease_duration": time}
            | {"avoid_ros_namespace_conventions": False}
        ]

    change_metadata(bag, change)
    assert image_topics(bag) == [TOPIC]
    assert_images(bag, IMAGES)


def test_answers_of_refseg_ros_are_no_cameras(tmp_path: Path) -> None:
    """Their types say so: a mask beside topics of others is a camera's."""
    answers = ["/refseg/front/overlay", "/refseg/front/overlay/compressed", "/refseg/mask"]
    bag = record(tmp_path / "bag", IMAGES, ("/front/mask", *answers))
    add_topic(bag, "/refseg/front/result", "refseg_ros/msg/Segmentation")
    add_topic(bag, "/refseg/bbox", "refseg_ros/msg/BoundingBox")
    assert image_topics(bag) == ["/front/mask"]
    for topic, opened in (("", "/front/mask"), *zip(answers, answers, strict=True)):
        with open_images(bag, topic) as source:
            assert source.name == opened
    alone = record(tmp_path / "alone", IMAGES, answers[2:])
    add_topic(alone, "/refseg/result", "refseg_ros/msg/Segmentation")
    with pytest.raises(BagError, match="images on: /refseg/mask, which are answers of refseg_ros; name one of them"):
        image_topics(alone)


@pytest.fixture
def with_another_type(tmp_path: Path) -> Iterator[tuple[Path, sqlite3.Connection]]:
    """A file that has a topic of another type, too, and its database."""
    file = next(record(tmp_path / "bag", IMAGES).glob("*.db3"))
    with sqlite3.connect(file) as database:
        database.execute(
            "INSERT INTO topics VALUES (2, '/state', 'robot_msgs/msg/State', 'cdr', '', ?)", ("RIHS01_" + 64 * "1",)
        )
        yield file, database
    database.close()


@pytest.mark.parametrize("definition", ["this is no definition", "elsewhere_msgs/Part part\n", "int32 count\n"])
def test_the_definition_of_another_type_does_not_matter(with_another_type, definition: str) -> None:
    """It may be broken, may lack another one that it needs, or may not fit its hash."""
    file, database = with_another_type
    database.execute(
        "INSERT INTO message_definitions VALUES (9, 'robot_msgs/msg/State', 'ros2msg', ?, ?)",
        (definition, "RIHS01_" + 64 * "1"),
    )
    database.commit()
    assert_images(file, IMAGES)


def test_images_are_read_where_only_another_type_has_a_definition(with_another_type) -> None:
    file, database = with_another_type
    database.execute(
        "UPDATE message_definitions SET topic_type = 'robot_msgs/msg/State', encoded_message_definition = 'int32 a'"
    )
    database.commit()
    assert_images(file, IMAGES)


def test_a_broken_message_of_many_that_are_compressed_one_by_one_is_counted(tmp_path: Path) -> None:
    bag = record(tmp_path / "bag", IMAGES, compression=CompressionMode.MESSAGE)
    with sqlite3.connect(file := next(bag.glob("*.db3"))) as database:
        database.execute("UPDATE messages SET data = substr(data, 1, length(data) / 2) WHERE id = 2")
    database.close()
    for path in (bag, file):
        found, source = read(path)
        assert source.refused == {"a message is damaged: it is not of sensor_msgs/msg/Image": 1}
        assert len(found) == 5 and np.array_equal(found[1], IMAGES[2])


def test_the_metadata_means_its_folder(tmp_path: Path, storage) -> None:
    assert_images(record(tmp_path / "bag", IMAGES, storage=storage) / "metadata.yaml", IMAGES)


def test_the_case_of_a_suffix_does_not_matter(tmp_path: Path, storage) -> None:
    file = next(path for path in record(tmp_path / "bag", IMAGES, storage=storage).iterdir() if path.suffix != ".yaml")
    assert_images(file.rename(tmp_path / file.name.upper()), IMAGES)


def refused(bag: Path, *words: str) -> None:
    with pytest.raises(BagError) as caught:
        read(bag)
    assert str(caught.value).startswith(f"{bag}: ")
    for word in words:
        assert word in str(caught.value)


def test_what_cannot_be_read_says_what_to_do(tmp_path: Path) -> None:
    packed = record(tmp_path / "packed", IMAGES, storage=StoragePlugin.MCAP, compression=CompressionMode.FILE)
    assert_images(packed, IMAGES)
    refused(file := next(packed.glob("*.mcap.zstd")), "is packed", "its folder", "`zstd -d`")
    (packed / "metadata.yaml").unlink()
    refused(packed, "has no metadata.yaml", file.name, "`ros2 bag reindex`")
    cut = record(tmp_path / "cut", IMAGES, storage=StoragePlugin.MCAP)
    file = next(cut.glob("*.mcap"))
    file.write_bytes(file.read_bytes()[:-20])
    for bag in (cut, file):
        refused(bag, "if it was cut off, mend it with `mcap recover` or `ros2 bag reindex`")
    (old := tmp_path / "old.bag").write_bytes(b"#ROSBAG V2.0\n")
    refused(old, "if it was cut off, `rosbag reindex` mends it")
    refused(record(tmp_path / "empty", [], topics=()), "it has no topics; nothing was recorded")
    (photo := tmp_path / "photo.jpg").write_bytes(b"")
    refused(photo, "neither a folder nor a file that ends in .mcap, .db3, .bag")
