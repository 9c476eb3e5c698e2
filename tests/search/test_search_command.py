"""`python -m refseg_ros.search`, run as a user runs it, on bags that are recorded here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed (the extra `search`)")
pytest.importorskip("distributed", reason="distributed is not installed (the extra `search`)")

from pycocotools import mask as coco
from rosbags.rosbag2 import StoragePlugin

from refseg_ros import Segmenter
from refseg_ros.bags.images import BagError
from refseg_ros.engines.bundle import Bundle
from refseg_ros.search.answers import Task, search_bag
from refseg_ros.search.page import MOST
from refseg_ros.search.recordings import recordings
from refseg_ros.search.settings import SearchConfig, digest
from tests.search.bags import IMAGES, ROOT, SECOND, add_topic, command, complaints, picture, record, search
from tests.search.outcome import in_process, refused, rows

TEXTS = ("the red mug", "redder")


def expected(segmenter: Segmenter, images: list[np.ndarray], step: int = 1) -> list[tuple]:
    """What the library answers on images that were recorded."""
    stream, found = segmenter.stream(), []
    for index in range(0, len(images), step):
        stamp = 50 * SECOND + index * SECOND // 5
        stream.observe(images[index], stamp * 1e-9)
        found += [(stamp, answer.text, answer) for answer in stream.answer(TEXTS)]
    return found


def assert_rows_are(found: list[dict], answers: list[tuple]) -> None:
    for row, (stamp, text, answer) in zip(found, answers, strict=True):
        assert (row["stamp"], row["moment"], row["expression"]) == (stamp, stamp + SECOND // 50, text)
        assert (row["verdict"], row["score"]) == (answer.verdict.name, answer.score)
        assert tuple(row["box"].values()) == tuple(answer.box)
        assert np.array_equal(coco.decode(row["mask"]) * 255, answer.mask)


def test_every_image_is_answered_as_by_the_library(tmp_path, bags, segmenter, bundle_folder):
    result = search(bags, "; ".join(TEXTS), "--model", bundle_folder, "-o", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert "3 bags searched; 19 frames" in result.stdout and "38 answers" in result.stdout
    found = rows(tmp_path / "out")
    kept = [("compressed", "/camera/image_raw", IMAGES[1:]), ("raw", "/camera/image_raw", IMAGES)]
    kept += [("two", topic, IMAGES[2:]) for topic in ("/back", "/front")]
    for bag, topic, images in kept:
        own = [row for row in found if (row["bag"], row["topic"]) == (str(bags / bag), topic)]
        assert_rows_are(own, expected(segmenter, images))
    places = [(row["bag"], row["topic"], row["moment"]) for row in found]
    assert places == sorted(places) and len(found) == 38


def test_the_model_is_one_that_ships_by_its_name_or_a_folder_relative_to_here(tmp_path, bags, bundle_folder):
    for model, there in (("household", "household"), (os.path.relpath(bundle_folder, ROOT), bundle_folder)):
        out = tmp_path / Path(model).name
        result = search(bags / "raw", "; ".join(TEXTS), "--model", model, "-o", out, "--workers", 1)
        assert result.returncode == 0, result.stderr
        assert_rows_are(rows(out), expected(Segmenter(there, threads=1), IMAGES))


@pytest.mark.parametrize("option", [("--nth", "2"), ("--every", "0.4")])
def test_frames_are_chosen_by_number_or_time(tmp_path, bags, segmenter, bundle_folder, option):
    result = search(bags / "raw", "; ".join(TEXTS), "--model", bundle_folder, "-o", tmp_path / "out", *option)
    assert result.returncode == 0, result.stderr
    assert_rows_are(rows(tmp_path / "out"), expected(segmenter, IMAGES, 2))


def test_one_topic_can_be_named(tmp_path, bags, bundle_folder):
    out = tmp_path / "out"
    result = search(bags, "red", "--model", bundle_folder, "-o", out, "--image-topic", "/front")
    assert result.returncode == 1 and "1 bags searched, 2 could not be read" in result.stdout
    assert result.stderr.count("not read: ") == 2 and "there is no topic /front" in result.stderr
    assert {(row["bag"], row["topic"]) for row in rows(out)} == {(str(bags / "two"), "/front")}


def test_its_own_answers_are_no_cameras_unless_they_are_named(tmp_path, bundle_folder):
    bag = record(tmp_path / "bag", IMAGES, ("/front", "/refseg/mask", "/refseg/overlay"))
    add_topic(bag, "/refseg/result", "refseg_ros/msg/Segmentation")
    for topic, option in (("/front", ()), ("/refseg/mask", ("--image-topic", "/refseg/mask"))):
        out = tmp_path / Path(topic).name
        assert search(bag, "red", "--model", bundle_folder, "-o", out, *option).returncode == 0
        assert [row["topic"] for row in rows(out)] == [topic] * len(IMAGES)


def test_any_number_of_workers_gives_the_same_file(tmp_path, bags, bundle_folder):
    for workers in (1, 2):
        out = tmp_path / str(workers)
        assert search(bags, "redder", "--model", bundle_folder, "-o", out, "--workers", workers).returncode == 0
    one, two = (tmp_path / name for name in ("1", "2"))
    for path in (*one.glob("parts/*"), one / "answers.parquet", one / "best.html"):
        assert path.read_bytes() == (two / path.relative_to(one)).read_bytes()


def test_a_damaged_bag_is_named_and_the_others_are_searched(tmp_path, bags, bundle_folder):
    file = next((bags / "raw").glob("*.db3"))
    file.write_bytes(file.read_bytes()[:5000])
    (bags / "list.txt").write_text("raw\ntwo\ngone\n")
    result = search(bags / "list.txt", "red", "--model", bundle_folder, "-o", tmp_path / "out")
    assert result.returncode == 1 and "1 bags searched, 2 could not be read" in result.stdout
    assert f"not read: {bags / 'raw'}: not a bag" in result.stderr
    assert f"not read: {bags / 'gone'}: there is no such bag" in result.stderr
    assert {row["bag"] for row in rows(tmp_path / "out")} == {str(bags / "two")}


def test_of_a_recorder_that_was_killed_the_whole_files_are_searched_and_the_other_is_named(tmp_path, bundle_folder):
    """It goes on so until the file is mended."""
    (bag := tmp_path / "run").mkdir()
    for number in range(2):
        part = record(tmp_path / "part", IMAGES[:3], storage=StoragePlugin.MCAP, begin=(50 + number) * SECOND)
        next(part.glob("*.mcap")).rename(bag / f"run_{number}.mcap")
        shutil.rmtree(part)
    whole = (last := bag / "run_1.mcap").read_bytes()
    last.write_bytes(whole[:-200])
    for _ in range(2):
        result = search(bag, "red", "--model", bundle_folder, "-o", tmp_path / "out")
        (complaint,) = complaints(result.stderr)
        assert complaint.startswith(f"not read: {last}: not a bag that can be read") and "`mcap recover`" in complaint
        assert result.returncode == 1 and "1 bags searched, 1 of them in part; 3 frames" in result.stdout
        assert len(rows(tmp_path / "out")) == 3
    last.write_bytes(whole)
    result = search(bag, "red", "--model", bundle_folder, "-o", tmp_path / "out")
    assert result.returncode == 0 and "1 bags searched; 6 frames" in result.stdout, result.stderr


def test_of_several_topics_without_a_readable_image_the_one_with_images_tells_why(tmp_path, bundle_folder):
    bag = record(tmp_path / "bag", [np.zeros((60, 80), np.uint8)] * 2, ("/front",))  # a third of the data
    add_topic(bag, "/rear", "sensor_msgs/msg/Image")
    config = SearchConfig(("red",), digest(Bundle.load(bundle_folder).manifest))
    with pytest.raises(BagError, match=r"/front holds no image that can be read \(2 refused: "):
        search_bag(Task(recordings([str(bag)])[0], config, str(bundle_folder)))


def test_a_folder_that_cannot_be_listed_is_named_and_the_others_are_searched(tmp_path, bags, bundle_folder):
    """As a user finds lost+found on a disk: root runs the command without the right to read everything."""
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("root can read every folder, and setpriv is not here")
    rights = "-dac_override,-dac_read_search"
    without = ("setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}") if os.geteuid() == 0 else ()
    (bags / "lost+found").mkdir(mode=0)
    (bags / "link").symlink_to(bags / "lost+found/inside")
    line = [*without, *command(bags, "red", "--model", bundle_folder, "-o", tmp_path / "out")]
    result = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert complaints(result.stderr) == [f"not read: {bags / 'lost+found'}: cannot be read (Permission denied)"]
    assert result.returncode == 1 and "3 bags searched, 1 could not be read" in result.stdout


def test_a_bag_whose_name_is_not_utf_8_is_named_and_the_others_are_searched(tmp_path, bags, bundle_folder):
    (bags / "two").rename(bags / os.fsdecode(b"caf\xe9"))
    result = search(bags, "red", "--model", bundle_folder, "-o", tmp_path / "out")
    assert complaints(result.stderr) == [
        f"not read: {bags / 'caf?'}: its name is not UTF-8, as the answers have it; rename it"
    ]
    assert result.returncode == 1 and "2 bags searched, 1 could not be read" in result.stdout


def test_what_cannot_be_searched_is_refused_in_one_line(tmp_path, bags, bundle_folder, capsys):
    line = ("--model", bundle_folder, "-o", tmp_path / "out")
    refused(search(tmp_path / "nowhere", "red", *line), "nowhere: there is no such bag")
    refused(in_process(capsys, bags, " ; ", *line), "no expression")
    refused(in_process(capsys, bags, "red", *line, "--every", "-1"), "every is -1.0")
    refused(in_process(capsys, bags, "red", *line, "--nth", "0"), "nth is 0")
    refused(in_process(capsys, bags, "red", *line, "--workers", "0"), "--workers is 0")
    refused(in_process(capsys, bags, "red", "--model", tmp_path / "no_model"), "no_model")
    refused(in_process(capsys, bags, "red", "--model", bundle_folder, "-o", tmp_path / "no" / "folder"), "no/folder")
    assert not list((tmp_path / "out").glob("*.parquet"))


def test_the_page_shows_the_best_of_each_bag_first_and_needs_no_network(tmp_path, bags, bundle_folder):
    record(bags / "long", [picture(place % 60) for place in range(MOST)], compressed=True)
    assert search(bags, "red; green", "--model", bundle_folder, "-o", tmp_path / "out").returncode == 0
    page = (tmp_path / "out" / "best.html").read_text()
    figures = re.findall(r"<figure>.*?</figure>", page)
    assert len(figures) == MOST and page.count("data:image/jpeg;base64,") == MOST
    assert {name for name in ("compressed", "long", "raw", "two") for figure in figures[:4] if f"bags/{name}" in figure}
    assert len({re.search(r"bags/(\w+)", figure).group(1) for figure in figures[:4]}) == 4
    assert not re.search(r"(src|href|url)\W+(?!data:)\w", page)


def test_a_page_of_nothing_says_so(tmp_path, bags, bundle_folder):
    result = search(bags / "raw", "<b>green</b>", "--model", bundle_folder, "-o", tmp_path / "out")
    page = (tmp_path / "out" / "best.html").read_text()
    assert result.returncode == 0 and "Nothing was found" in page and "<b>green" not in page


def test_unreadable_images_and_unknown_words_are_named(tmp_path, bundle_folder):
    bag = record(tmp_path / "bag", IMAGES, compressed=True)
    file = next(bag.glob("*.db3"))
    file.write_bytes(file.read_bytes().replace(b"IHDR", b"IHDX", 2))
    result = search(bag, "the xyzzy red", "--model", bundle_folder, "-o", tmp_path / "out")
    assert result.returncode == 0 and "4 frames" in result.stdout
    assert "images refused: 2: " in result.stderr and "words that the model does not know: xyzzy" in result.stderr


def run_without(*names: str, arguments: tuple[object, ...]) -> subprocess.CompletedProcess:
    """Run the command in an interpreter in which an import of these names fails."""
    code = f"""
import sys
for name in {names!r}:
    sys.modules[name] = None
from refseg_ros.search.__main__ import main
if __name__ == "__main__":
    sys.exit(main({[str(argument) for argument in arguments]!r}))
"""
    line = [sys.executable, "-c", code]
    return subprocess.run(line, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)


def test_it_needs_no_ros(tmp_path, bags, bundle_folder):
    ros = ("rclpy", "sensor_msgs", "std_msgs", "builtin_interfaces", "ament_index_python", "refseg_ros.msg")
    result = run_without(*ros, arguments=(bags, "red", "--model", bundle_folder, "-o", tmp_path / "out"))
    assert result.returncode == 0 and "3 bags searched" in result.stdout, result.stderr


def test_help_needs_nothing_and_what_is_missing_is_named(tmp_path, bags, bundle_folder):
    extra = ("rosbags", "pyarrow", "distributed")
    assert "--scheduler" in run_without(*extra, arguments=("--help",)).stdout
    for name in extra:
        result = run_without(name, arguments=(bags, "red", "--model", bundle_folder, "-o", tmp_path / "out"))
        refused(result, f"searching bags needs {name}", "pip install refseg_ros[search]")
