"""The commands: looking into a folder, cutting frames out of a bag, writing shards."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from rosbags.rosbag1 import Writer as Ros1Writer
from rosbags.rosbag2 import CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from model_training.datasets import __main__, from_bag, shards
from model_training.datasets.formats import open_folder
from model_training.datasets.mask_files import read_ids
from model_training.datasets.sample import ClipFrames
from model_training.datasets.shard_batches import ShardBatches
from tests.model_training.datasets import writers
from tests.model_training.datasets.test_batches import CONFIG
from tests.model_training.datasets.test_readers import WRITERS
from tests.search import bags

RAW, PACKED, DEPTH = "/camera/image_raw", "/camera/image_raw/compressed", "/camera/depth"


@pytest.mark.parametrize("name", WRITERS)
def test_a_folder_is_told_counted_and_drawn(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = WRITERS[name](tmp_path / "data")
    sheet = tmp_path / "sheet.png"
    assert __main__.main([str(folder), "--sheet", str(sheet)]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{name}: {folder}\n") and told.endswith(f"wrote {sheet}\n")
    height, width, _ = cv2.imread(str(sheet)).shape
    assert width == 1280 and height % 280 == 0


def test_the_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = writers.write_refer(tmp_path)
    assert __main__.main([str(folder)]) == 0
    rows = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()[2:]}
    # images, things, expressions, words, distinct words, over 20 words
    assert rows["train"] == ["1", "2", "3", "7", "7", "0"]
    assert rows["together"] == ["2", "4", "5", "14", "11", "0"]


def test_nothing_is_written_unless_a_picture_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = writers.write_refer(tmp_path / "data")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert __main__.main([str(folder)]) == 0
    assert not list(Path().iterdir()) and "wrote" not in capsys.readouterr().out
    assert __main__.main([str(folder), "--sheet", "sheet.jpg"]) == 2
    assert capsys.readouterr().err == "error: sheet.jpg: the contact sheet is a PNG; give a name that ends in .png\n"


def test_missing_files_are_named_and_other_data_sets_inspected(tmp_path: Path, capsys) -> None:
    lacking, whole = writers.write_referit(tmp_path / "a"), writers.write_own_frames(tmp_path / "b")
    missing = [lacking / "mask" / f"{name}.mat" for name in ("38_1", "40_1")]
    for path in missing:
        path.unlink()
    assert __main__.main([str(tmp_path)]) == 2
    told = capsys.readouterr()
    last = f"error: {tmp_path}: 2 faults; training would stop at them, or learn what is not so"
    assert told.err.splitlines() == [*(f"{path}: expected, but not there" for path in missing), last]
    assert f"own frames of b: {whole}" in told.out


def own_mask(folder: Path, pixels: np.ndarray, name: str = "0.png") -> None:
    assert cv2.imwrite(str(folder / "masks" / name), pixels)


def write_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def write_as_jpeg(path: Path) -> None:
    path.write_bytes(cv2.imencode(".jpg", cv2.imread(str(path)))[1].tobytes())


SHAPE = writers.BOXES[0].shape
OWN_FAULTS = {
    "black": (lambda f: own_mask(f, np.zeros(SHAPE, np.uint8)), "0.png: the mask of 'the mug, left' .* shows nothing"),
    "transparent": (lambda f: own_mask(f, np.full((*SHAPE, 4), (9, 9, 9, 0), np.uint8)), "0.png: .* shows nothing"),
    "opaque black": (lambda f: own_mask(f, np.full((*SHAPE, 4), (0, 0, 0, 255), np.uint8)), "0.png: .* shows nothing"),
    "white": (lambda f: own_mask(f, np.full(SHAPE, 255, np.uint8)), "0.png: .* shows the whole image"),
    "of another size": (lambda f: own_mask(f, np.eye(30, dtype=np.uint8), "1.png"), "1.png: another size than 0.png"),
    "half a mask": (lambda f: write_half(f / "masks" / "0.png"), "0.png: PNG .* is damaged or cut short"),
    "half an image": (lambda f: write_half(f / "images" / "b.jpg"), "b.jpg: JPEG .* is damaged or cut short"),
    "a JPEG": (lambda f: write_as_jpeg(f / "masks" / "1.png"), "1.png: a JPEG keeps no exact black"),
    "no image": (lambda f: (f / "images" / "a.png").write_text("a mug"), "a.png: 5 bytes are no picture"),
}


@pytest.mark.parametrize("fault", OWN_FAULTS)
def test_what_training_would_stop_at_or_mislearn_is_named(fault: str, tmp_path: Path, capsys) -> None:
    folder = writers.write_own_frames(tmp_path / "data")
    change, told = OWN_FAULTS[fault]
    change(folder)
    assert __main__.main([str(folder)]) == 2
    *named, last = capsys.readouterr().err.splitlines()
    assert any(re.match(f"{folder}/(images|masks)/{told}", line) for line in named)
    assert last == f"error: {folder}: {len(named)} faults; training would stop at them, or learn what is not so"


def test_masks_that_are_black_on_white_are_named(tmp_path: Path, capsys) -> None:
    folder = writers.write_own_frames(tmp_path / "data")
    inside = writers.box(2, 3, 12, 20)
    own_mask(folder, np.where(inside, 0, 255).astype(np.uint8))
    assert __main__.main([str(folder)]) == 0, "one of them may be of the floor"
    own_mask(folder, np.where(inside, 0, 255).astype(np.uint8), "1.png")
    capsys.readouterr()
    assert __main__.main([str(folder)]) == 2
    assert "each mask covers its image's border all around; is their background not black?" in capsys.readouterr().err


def test_a_thing_of_a_video_has_to_be_in_one_of_its_frames(tmp_path: Path, capsys) -> None:
    folder = writers.write_referring_videos(tmp_path / "data")
    for path in (folder / "train" / "Annotations").rglob("*.png"):
        ids = read_ids(path)
        assert cv2.imwrite(str(path), np.where(ids == 2, 255, ids).astype(np.uint8))
    assert __main__.main([str(folder)]) == 2
    named, _ = capsys.readouterr().err.splitlines()
    assert "00000.png: the mask of 'a bar' (train/0a49f5265b/00000, 0a49f5265b/0) shows nothing" in named


def test_of_many_faults_the_first_are_named_and_all_are_counted(tmp_path: Path, capsys) -> None:
    folder = writers.write_own_frames(tmp_path / "data")
    table = (folder / "expressions.csv").read_text()
    for number in range(30):
        (folder / "images" / f"{number}.png").write_text("no image")
        table += f"{number}.png,the mug,0.png,\n"
    (folder / "expressions.csv").write_text(table)
    assert __main__.main([str(folder)]) == 2
    *named, last = capsys.readouterr().err.splitlines()
    assert len(named) == __main__.NAMED and f"{folder}: 30 faults" in last


@pytest.fixture(params=["sqlite3", "mcap"])
def bag(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Five pictures, a quarter of a second apart, raw with padded rows and as PNG; and as many of depth."""
    store = get_typestore(Stores.ROS2_HUMBLE)
    image, packed = (store.types[f"sensor_msgs/msg/{name}"] for name in ("Image", "CompressedImage"))
    stamp, header = store.types["builtin_interfaces/msg/Time"], store.types["std_msgs/msg/Header"]
    path = tmp_path / "bag"
    with Writer(path, version=9, storage_plugin=StoragePlugin[request.param.upper()]) as writer:
        raw = writer.add_connection(RAW, image.__msgtype__, typestore=store)
        jpeg = writer.add_connection(PACKED, packed.__msgtype__, typestore=store)
        depth = writer.add_connection(DEPTH, image.__msgtype__, typestore=store)
        for number in range(5):
            time = 1_000_000_000 + number * 250_000_000
            head = header(stamp=stamp(sec=0, nanosec=0), frame_id="camera")
            bgr = writers.picture(number)[..., ::-1]
            rows = np.zeros((writers.HEIGHT, writers.WIDTH * 3 + 8), np.uint8)
            rows[:, :-8] = bgr.reshape(writers.HEIGHT, -1)
            facts = dict(header=head, height=writers.HEIGHT, width=writers.WIDTH, is_bigendian=0)
            message = image(**facts, encoding="bgr8", step=rows.shape[1], data=rows.ravel())
            writer.write(raw, time, store.serialize_cdr(message, image.__msgtype__))
            data = cv2.imencode(".png", bgr)[1].ravel()
            message = packed(header=head, format="bgr8; png compressed bgr8", data=data)
            writer.write(jpeg, time, store.serialize_cdr(message, packed.__msgtype__))
            data = np.zeros(writers.HEIGHT * writers.WIDTH * 2, np.uint8)
            message = image(**facts, encoding="16UC1", step=writers.WIDTH * 2, data=data)
            writer.write(depth, time, store.serialize_cdr(message, image.__msgtype__))
    return path


@pytest.mark.parametrize("topic", [RAW, PACKED])
def test_frames_are_cut_out_of_a_bag(topic: str, bag: Path, tmp_path: Path) -> None:
    out = tmp_path / "own"
    assert from_bag.main([str(bag), "--topic", topic, "--every", "0.5", str(out)]) == 0
    names = ["1000000000.png", "1500000000.png", "2000000000.png"]
    assert sorted(path.name for path in (out / "images").iterdir()) == names
    for number, name in zip((0, 2, 4), names, strict=True):
        np.testing.assert_array_equal(cv2.imread(str(out / "images" / name))[..., ::-1], writers.picture(number))
    with pytest.raises(ValueError, match=r"expressions\.csv: has no rows yet; write one for each expression"):
        open_folder(out)
    writers.write_image(out / "masks" / "0.png", np.repeat(writers.BOXES[0][..., None], 3, 2) * np.uint8(255))
    with (out / "expressions.csv").open("a") as file:
        file.write(f"{names[0]},the bar,0.png,\n")
    (reader,) = open_folder(out)
    np.testing.assert_array_equal(reader.load(reader.records[0]).masks, [writers.BOXES[0]])
    table = (out / "expressions.csv").read_text()
    assert from_bag.main([str(bag), "--topic", topic, str(out)]) == 0
    assert (out / "expressions.csv").read_text() == table, "a person's work was overwritten"


def test_what_a_bag_lacks_is_said(bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "own"
    assert from_bag.main([str(bag), "--topic", "/camera", str(out)]) == 2
    assert f"there is no topic /camera; it has images on: {DEPTH}, {RAW}, {PACKED}" in capsys.readouterr().err
    assert from_bag.main([str(bag), "--topic", DEPTH, str(out)]) == 2
    assert f"{DEPTH} holds no image that can be read (5 refused: image encoding 16UC1" in capsys.readouterr().err
    assert from_bag.main([str(tmp_path / "none"), "--topic", RAW, str(out)]) == 2
    assert "there is no such bag" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert from_bag.main([str(tmp_path / "empty"), "--topic", RAW, str(out)]) == 2
    assert "not a bag: it has neither metadata.yaml nor a file that ends in .mcap" in capsys.readouterr().err
    for path in [*bag.glob("*.db3"), *bag.glob("*.mcap")]:
        path.write_bytes(path.read_bytes()[:300])
        for damaged in (bag, path):
            assert from_bag.main([str(damaged), "--topic", RAW, str(out)]) == 2
            told = capsys.readouterr().err
            assert told.startswith(f"error: {damaged}: ") and told.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize("storage", list(StoragePlugin), ids=lambda storage: storage.name)
def test_a_broken_image_is_counted_and_the_others_are_cut(storage, tmp_path: Path, capsys) -> None:
    store = get_typestore(Stores.ROS2_HUMBLE)
    packed = store.types["sensor_msgs/msg/CompressedImage"]
    stamp, header = store.types["builtin_interfaces/msg/Time"], store.types["std_msgs/msg/Header"]
    data = cv2.imencode(".jpg", writers.picture(1))[1].ravel()
    with Writer(tmp_path / "bag", version=9, storage_plugin=storage) as writer:
        topic = writer.add_connection(PACKED, packed.__msgtype__, typestore=store)
        for number in range(4):
            sent = data[: len(data) // 2] if number == 1 else data
            message = packed(header=header(stamp=stamp(sec=0, nanosec=0), frame_id=""), format="jpeg", data=sent)
            writer.write(topic, number * 10**9, store.serialize_cdr(message, packed.__msgtype__))
    assert from_bag.main([str(tmp_path / "bag"), "--topic", PACKED, "--every", "0", str(tmp_path / "own")]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("wrote 3 frames") and told.err.startswith("images refused: 1: JPEG of")
    assert len(list((tmp_path / "own" / "images").iterdir())) == 3


def test_frames_of_one_moment_are_all_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag = bags.record(tmp_path / "bag", [bags.picture(place) for place in (0, 20, 40)], (RAW,), rate=1e12)
    assert from_bag.main([str(bag), "--topic", RAW, "--every", "0", str(tmp_path / "own")]) == 0
    assert capsys.readouterr().out.startswith("wrote 3 frames")
    for place, name in ((0, ""), (20, "_2"), (40, "_3")):
        frame = cv2.imread(str(tmp_path / "own" / "images" / f"50020000000{name}.png"))
        assert np.array_equal(frame[..., ::-1], bags.picture(place))


def test_frames_of_other_bags_and_of_the_same_one_are_kept(tmp_path: Path) -> None:
    still, images = bags.picture(0), tmp_path / "own" / "images"
    for name, places in (("one", (0, 0)), ("two", (20, 40)), ("one", ()), ("two", ())):
        if places:
            bags.record(tmp_path / name, [bags.picture(place) for place in places], (RAW,), rate=1e12)
        assert from_bag.main([str(tmp_path / name), "--topic", RAW, "--every", "0", str(tmp_path / "own")]) == 0
    frames = {path.stem.partition("_")[2]: cv2.imread(str(path))[..., ::-1] for path in images.iterdir()}
    assert sorted(frames) == ["", "2", "3", "4"]
    for number, frame in {"": still, "2": still, "3": bags.picture(20), "4": bags.picture(40)}.items():
        np.testing.assert_array_equal(frames[number], frame)


def test_frames_before_the_damage_in_a_bag_are_a_whole_folder(tmp_path: Path, capsys) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (700, 800, 3), np.uint8)  # each fills a chunk of the file
    kept = dict(storage=StoragePlugin.MCAP, compression=CompressionMode.STORAGE)
    file = next(bags.record(tmp_path / "bag", [noise] * 3, (RAW,), **kept).glob("*.mcap"))
    *_, third = (found.start() for found in re.finditer(rb"\x28\xb5\x2f\xfd", file.read_bytes()))
    data = bytearray(file.read_bytes())
    data[third : third + 1000] = bytes(1000)
    file.write_bytes(data)
    assert from_bag.main([str(file), "--topic", RAW, "--every", "0", str(tmp_path / "own")]) == 2
    assert f"error: {file}: not a bag that can be read" in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "own").iterdir()) == ["expressions.csv", "images", "masks"]
    assert len(list((tmp_path / "own" / "images").iterdir())) == 2


def test_a_bag_of_ros_1_will_do(tmp_path: Path) -> None:
    store = get_typestore(Stores.ROS1_NOETIC)
    packed = store.types["sensor_msgs/msg/CompressedImage"]
    stamp, header = store.types["builtin_interfaces/msg/Time"], store.types["std_msgs/msg/Header"]
    data = cv2.imencode(".png", writers.picture(1))[1].ravel()
    with Ros1Writer(tmp_path / "old.bag") as writer:
        topic = writer.add_connection(PACKED, packed.__msgtype__, typestore=store)
        message = packed(header=header(seq=0, stamp=stamp(sec=0, nanosec=0), frame_id=""), format="png", data=data)
        writer.write(topic, 10**9, store.serialize_ros1(message, packed.__msgtype__))
    assert from_bag.main([str(tmp_path / "old.bag"), "--topic", PACKED, str(tmp_path / "own")]) == 0
    assert (tmp_path / "own" / "images" / "1000000000.png").exists()


def test_a_single_file_of_a_bag_will_do(bag: Path, tmp_path: Path) -> None:
    (path,) = [*bag.glob("*.db3"), *bag.glob("*.mcap")]
    assert from_bag.main([str(path), "--topic", PACKED, "--every", "0", str(tmp_path / "own")]) == 0
    assert len(list((tmp_path / "own" / "images").iterdir())) == 5


def test_shards_of_something_else_are_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = writers.write_refer(tmp_path / "data"), tmp_path / "shards"
    other = writers.write_refer(tmp_path / "other", "refcoco+")
    for _ in range(2):
        assert shards.main([str(folder), str(out)]) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    capsys.readouterr()
    for arguments, told in (
        ([str(folder), "--split", "testA"], "split is 'train', not 'testA'"),
        ([str(other)], "name is 'UNC', not 'UNC+'"),
        (
            [str(folder), "--past", "2"],
            "clip is {'past': 0, 'future': 0, 'stride': 1}, not {'past': 2, 'future': 0, 'stride': 1}",
        ),
    ):
        assert shards.main([*arguments, str(out)]) == 2
        assert capsys.readouterr().err == f"error: {out}: has shards whose {told}; give another OUT\n"
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    (out / "shards.json").write_text("[]")
    assert shards.main([str(folder), str(out)]) == 2
    assert f"{out}: has shards whose format is None, not 2" in capsys.readouterr().err


def test_shards_mix_no_splits_of_the_same_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = writers.write_published_refcoco(tmp_path / "data"), tmp_path / "shards"
    assert shards.main([str(folder), str(out)]) == 2
    assert "holds several lists of the same images" in capsys.readouterr().err and not out.exists()
    assert shards.main([str(folder / "refs(unc).p"), str(out)]) == 0
    assert json.loads((out / "shards.json").read_text())["name"] == "UNC"
    assert __main__.main([str(folder)]) == 0
    told = capsys.readouterr().out
    assert "RefCOCO (google): " in told and "UNC: " in told


def test_shards_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = writers.write_referring_videos(tmp_path / "data"), tmp_path / "shards"
    assert shards.main([str(folder), str(out), "--past", "2", "--stride", "2"]) == 0
    assert capsys.readouterr().out == f"wrote 1 shards and {out / 'shards.json'}\n"
    assert "format" in (out / "shards.json").read_text() and (out / "train-000000.tar").exists()
    assert shards.main([str(folder), str(tmp_path / "valid"), "--split", "valid"]) == 2
    assert "the masks of the split valid are not published" in capsys.readouterr().err
    for clip in (ClipFrames(), ClipFrames(past=1, future=1, stride=2), ClipFrames(past=2)):
        message = f"its clips are of 2 past and 0 future frames at stride 2, wanted are {clip}"
        with pytest.raises(ValueError, match=message):
            ShardBatches(str(out), None, replace(CONFIG, clip=clip))
    for option, value, least in (("--past", -1, 0), ("--future", -1, 0), ("--stride", 0, 1)):
        assert shards.main([str(folder), str(tmp_path / "none"), option, str(value)]) == 2
        assert capsys.readouterr().err == f"error: {option[2:]} is {value}; it must be {least} or more\n"
    assert not (tmp_path / "none").exists()
