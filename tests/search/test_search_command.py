"""`python -m refseg_ros.search`, run as a user runs it, on bags that are recorded here."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed (the extra `search`)")
pytest.importorskip("distributed", reason="distributed is not installed (the extra `search`)")

import pyarrow.parquet as pq
from pycocotools import mask as coco
from rosbags.rosbag2 import StoragePlugin

from refseg_ros import Segmenter
from refseg_ros.search.__main__ import main
from refseg_ros.search.page import MOST
from refseg_ros.search.settings import FILE, SearchConfig, bind
from tests.bundles import MANIFEST, write_bundle
from tests.search.bags import ROOT, SECOND, add_topic, command, complaints, picture, record, search

IMAGES = [picture(place) for place in (0, 4, 8, 12, None, None)]
TEXTS = ("the red mug", "redder")


@pytest.fixture
def bags(tmp_path: Path) -> Path:
    """Raw images, compressed ones, and a bag with two topics."""
    folder = tmp_path / "bags"
    folder.mkdir()
    record(folder / "raw", IMAGES)
    record(folder / "compressed", IMAGES[1:], compressed=True)
    record(folder / "two", IMAGES[2:], ("/front", "/back"))
    return folder


def rows(folder: Path) -> list[dict]:
    return pq.read_table(folder / "answers.parquet").to_pylist()


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


def test_it_goes_on_with_bags_that_are_new_or_have_changed(tmp_path, bags, bundle_folder):
    out, line = tmp_path / "out", ("red", "--model", bundle_folder, "-o", tmp_path / "out")
    shutil.move(bags / "two", tmp_path / "later")
    assert search(bags, *line).returncode == 0
    parts = {path: path.stat().st_mtime_ns for path in out.glob("parts/*")}
    assert len(parts) == 2 and len(rows(out)) == 11
    shutil.move(tmp_path / "later", bags / "two")
    shutil.rmtree(bags / "raw")
    record(bags / "raw", IMAGES[:2])
    assert search(bags, *line).returncode == 0
    kept = [path for path, time in parts.items() if path.stat().st_mtime_ns == time]
    assert len(kept) == 1 and len(rows(out)) == 5 + 2 + 8
    assert search(bags / "raw", *line).returncode == 0
    assert len(rows(out)) == 2


def test_it_goes_on_after_the_power_was_lost(tmp_path, bags, bundle_folder):
    """Which may leave a part empty or cut off; and what was killed at once leaves what it was writing."""
    out, line = tmp_path / "out", (bags, "red", "--model", bundle_folder, "-o", tmp_path / "out")
    assert search(*line).returncode == 0
    whole, (empty, cut, kept) = (out / "answers.parquet").read_bytes(), sorted(out.glob("parts/*"))
    empty.write_bytes(b"")
    cut.write_bytes(cut.read_bytes()[:-100])
    time = kept.stat().st_mtime_ns
    with subprocess.Popen(["true"]) as gone:
        pass
    ours = [out / f".answers.{gone.pid}.partial.parquet", out / "parts" / f".{kept.stem}.{gone.pid}.partial.parquet"]
    others = [out / f".answers.{os.getpid()}.partial.parquet", out / ".my.partial.parquet"]
    for path in (*ours, *others):
        path.write_bytes(b"half")
    result = search(*line)
    assert result.returncode == 0 and "3 bags searched; 19 frames" in result.stdout, result.stderr
    assert (out / "answers.parquet").read_bytes() == whole and kept.stat().st_mtime_ns == time
    assert not any(path.exists() for path in ours) and all(path.exists() for path in others)


def test_answers_of_another_search_are_not_gone_on_with(tmp_path, bags, bundle_folder, capsys):
    out = tmp_path / "out"
    assert search(bags / "raw", "red", "--model", bundle_folder, "-o", out).returncode == 0
    before = (out / "answers.parquet").read_bytes()
    other = write_bundle(
        tmp_path / "other", MANIFEST, vocabulary=b"<pad>\n<unknown>\nthe\nmug\nred\ngreen\nblue\na\nb\nc\n"
    )
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    for arguments, words in (
        (("green", "--model", bundle_folder, "-o", out), "has answers with expressions ['red'], not ['green']"),
        (("red", "--model", bundle_folder, "-o", out, "--every", "1"), "has answers with every 0.0, not 1.0"),
        (("red", "--model", other, "-o", out), "has answers with model"),
        (("red", "--model", bundle_folder, "-o", tmp_path / "mine"), "there is something else"),
    ):
        refused(in_process(capsys, bags / "raw", *arguments), words, "give another folder with -o")
    assert (out / "answers.parquet").read_bytes() == before


def in_process(capsys: pytest.CaptureFixture[str], *arguments: object) -> subprocess.CompletedProcess:
    """Run the command here, where it ends before it starts a worker."""
    code = main([str(argument) for argument in arguments])
    return subprocess.CompletedProcess(arguments, code, *capsys.readouterr())


def refused(result: subprocess.CompletedProcess, *words: str) -> None:
    assert result.returncode == 2 and result.stdout == ""
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr


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


def begun(*arguments: object) -> subprocess.Popen:
    """A search that runs, in a session of its own."""
    return subprocess.Popen(
        command(*arguments),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a shell's background job has it ignored
    )


def test_ctrl_c_leaves_whole_parts_to_go_on_with(tmp_path, bundle_folder):
    bags = [record(tmp_path / f"bag{index}", [picture(index)] * 40) for index in range(12)]
    out, line = tmp_path / "out", (*bags, "redder", "--model", bundle_folder, "--workers", 1)
    process = begun(*line, "-o", out)
    while len(list(out.glob("parts/[!.]*.parquet"))) < 2:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert complaints(process.communicate(timeout=60)[1]) == ["stopped"] and process.returncode == 130
    left = sorted(out.rglob("*"))
    assert 2 <= len(list(out.glob("parts/[!.]*.parquet"))) < 12 and not (out / "answers.parquet").exists()
    assert {path.name for path in left if path.parent == out} == {"parts", "settings.json"}
    assert all(path.suffix == ".parquet" and not path.name.startswith(".") for path in out.glob("parts/*"))
    for folder in (out, tmp_path / "whole"):
        assert search(*line, "-o", folder).returncode == 0
    assert (out / "answers.parquet").read_bytes() == (tmp_path / "whole" / "answers.parquet").read_bytes()


def test_ctrl_c_while_the_workers_start_leaves_nothing_behind(tmp_path, bags, bundle_folder):
    """From a terminal, which sends it to the workers too."""
    process = begun(bags, "red", "--model", bundle_folder, "-o", tmp_path / "out")
    while len(of_session(process.pid)) < 3:  # the command, and processes that Dask has begun to start
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    assert complaints(process.communicate(timeout=60)[1]) == ["stopped"] and process.returncode == 130
    end = time.monotonic() + 60.0  # Python's tracker of shared memory ends when it sees that the command has
    while of_session(process.pid):
        assert time.monotonic() < end, of_session(process.pid)
        time.sleep(0.01)


def of_session(leader: int) -> list[int]:
    """The processes that run in a session, from /proc."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, session = path.read_text().rpartition(")")[2].split()[:4]
            if int(session) == leader and state != "Z":
                found.append(int(path.parent.name))
    return found


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


def test_settings_without_answers_are_those_of_the_next_search(tmp_path):
    """A search that failed, or was killed at once, left them; a file of somebody else's stays."""
    folder = tmp_path / "out"
    bind(folder, SearchConfig(("the mug",), "model"), begun=False)
    bind(folder, SearchConfig(("the bowl",), "model"), begun=False)
    bind(folder, SearchConfig(("the bowl",), "model"), begun=True)
    with pytest.raises(ValueError, match="has answers with expressions \\['the bowl'\\], not \\['the mug'\\]"):
        bind(folder, SearchConfig(("the mug",), "model"), begun=True)
    (folder / FILE).write_text('{"theme": "dark"}')
    with pytest.raises(ValueError, match="give another folder with -o"):
        bind(folder, SearchConfig(("the mug",), "model"), begun=False)
    assert (folder / FILE).read_text() == '{"theme": "dark"}'
