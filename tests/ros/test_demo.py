"""The demonstration as a user runs it, on a video of his own, and its judgement against the truth."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from sensor_msgs.msg import Image

from refseg_ros.answer import Verdict
from refseg_ros.demo import client as client_module
from refseg_ros.demo.__main__ import FRAMES_EACH, main
from refseg_ros.demo.client import Client
from refseg_ros.demo.pictures import TILE_WIDTH, write_pictures
from refseg_ros.demo.processes import NodeProcess
from refseg_ros.demo.table import Row
from refseg_ros.images.messages import to_message
from refseg_ros.msg import Segmentation
from tests.ros.bench import Bench, picture
from tests.waiting import until


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A red square for two seconds."""
    path = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (320, 240))
    for _ in range(20):
        writer.write(picture()[..., ::-1])
    writer.release()
    return path


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "refseg_ros.demo", *map(str, arguments)]


def processes_with(text: str) -> list[str]:
    """Command lines of the running processes that name a text."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has just ended
            continue
        if text in line and path.parent.name != str(os.getpid()):
            lines.append(line)
    return lines


def test_a_video_of_ones_own_gives_table_pictures_and_video(clip: Path, bundle_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("--source", clip, "--query", "the red mug; green", "--out", out, "--model", bundle_folder)
    done = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert any("the red mug" in line and " found " in line for line in lines)
    assert any("green" in line and "not found" in line for line in lines)
    names = {path.name for path in out.iterdir()}
    logs = {"camera_node.log", "segment_node.log"}
    assert names == {"expression_01.png", "expression_02.png", "contact_sheet.png", "video.mp4", *logs}
    video = cv2.VideoCapture(str(out / "video.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) >= 30
    assert cv2.imread(str(out / "expression_01.png")).shape == (240, 320, 3)
    assert not processes_with(str(tmp_path))


def test_answers_may_come_slowly(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of thirty, each has its own time."""
    monkeypatch.setattr(client_module, "ANSWER_WAIT", 2.0)
    image = np.zeros((4, 4), np.uint8)
    masks, overlays = (bench.node.create_publisher(Image, f"/refseg/{name}", 10) for name in ("mask", "overlay"))
    results = bench.node.create_publisher(Segmentation, "/refseg/result", 10)
    due = 0.0

    def answer() -> None:
        nonlocal due
        if time.monotonic() > due:
            due, header = time.monotonic() + 1.0, bench.header()
            masks.publish(to_message(image, "mono8", header))
            overlays.publish(to_message(np.stack([image] * 3, axis=2), "rgb8", header))
            results.publish(Segmentation(header=header, query="the mug"))

    with Client(answer) as client:
        client.wait(lambda: results.get_subscription_count() or None, 30.0, "the subscription")
        assert len(client.more_replies("the mug", 4)) == 4


def test_simulated_scenes_are_asked_and_judged(tmp_path: Path, monkeypatch, capfd) -> None:
    pytest.importorskip("mujoco", reason="the simulator is not installed")
    from refseg_ros.demo import questions

    kinds = ("colour", "motion", "absent")
    monkeypatch.setattr(questions, "PLAN", kinds)
    code = main(["--out", str(tmp_path)])
    said = capfd.readouterr()
    assert code == 0, said
    rows = re.findall(r"^ \d  .{46}  (\w+) .*  \d\.\d\d  +\d+$", said.out, re.MULTILINE)
    assert sorted(rows) == sorted(kinds) and "3 answers: mean IoU " in said.out, said.out
    assert len(list(tmp_path.glob("expression_*.png"))) == 3
    video = cv2.VideoCapture(str(tmp_path / "video.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) >= len(kinds) * FRAMES_EACH


def test_a_ctrl_c_while_a_node_is_being_started_leaves_no_node(tmp_path: Path, monkeypatch) -> None:
    begun = []

    class Interrupted(subprocess.Popen):
        def __init__(self, *arguments, **options) -> None:
            super().__init__(*arguments, **options)
            begun.append(self)
            signal.raise_signal(signal.SIGINT)  # the process runs, and nobody knows of it yet

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job has it ignored
    try:
        with pytest.raises(KeyboardInterrupt):
            NodeProcess("segment_node", {}, tmp_path / "log")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(begun) == 1 and begun[0].returncode is not None


def test_ctrl_c_ends_it_and_its_nodes(clip: Path, bundle_folder: Path, tmp_path: Path) -> None:
    arguments = ("--source", clip, "--query", "red", "--out", tmp_path / "out", "--model", bundle_folder)
    demo = subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: min(len(processes_with(str(folder))) for folder in (tmp_path, bundle_folder)) >= 2, "its nodes", demo)
    demo.send_signal(signal.SIGINT)
    _, errors = demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert errors.strip() == "stopped"
    assert not processes_with(str(tmp_path))
    assert not processes_with(str(bundle_folder))


def test_a_machine_on_which_ros_cannot_log_is_told(clip: Path, bundle_folder: Path, tmp_path: Path) -> None:
    arguments = ("--source", clip, "--query", "red", "--out", tmp_path / "out", "--model", bundle_folder)
    environment = os.environ | {"ROS_LOG_DIR": "/dev/null/log"}
    done = subprocess.run(command(*arguments), env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.fullmatch("error: .*/dev/null/log.*; name a folder for logs with ROS_LOG_DIR\n", done.stderr), done.stderr


def test_nothing_of_ones_own_is_lost(clip: Path, bundle_folder: Path, tmp_path: Path, capfd) -> None:
    mine = {name: tmp_path / name for name in ("video.mp4", "contact_sheet.png", "expression_01.png")}
    for path in mine.values():
        shutil.copy(clip, path)
    before = clip.read_bytes()
    arguments = ["--query", "red", "--out", str(tmp_path), "--model", str(bundle_folder)]
    for source in (*mine.values(), tmp_path):
        assert main(["--source", str(source), *arguments]) == 1
        assert f"{source} would be written over" in capfd.readouterr().err
    assert main(["--source", "nowhere.mp4", *arguments]) == 1
    assert "nowhere.mp4" in capfd.readouterr().err
    assert all(path.read_bytes() == before for path in mine.values())


def test_pictures_of_an_earlier_run_with_more_expressions_go(clip: Path, bundle_folder: Path, tmp_path: Path) -> None:
    for number in ("01", "02", "03", "99"):
        (tmp_path / f"expression_{number}.png").write_bytes(b"earlier")
    arguments = ("--source", clip, "--query", "red", "--out", tmp_path, "--model", bundle_folder)
    assert main([*map(str, arguments)]) == 0
    assert {path.name for path in tmp_path.glob("expression_*")} == {"expression_01.png", "expression_99.png"}
    assert cv2.imread(str(tmp_path / "expression_01.png")).shape == (240, 320, 3)


def test_a_dead_node_is_told_with_the_end_of_its_log(clip: Path, tmp_path: Path, capfd) -> None:
    arguments = ["--source", str(clip), "--query", "red", "--out", str(tmp_path / "out"), "--model", "/no/bundle"]
    assert main(arguments) == 1
    errors = capfd.readouterr().err
    assert "segment_node ended with exit code 1" in errors
    assert "/no/bundle" in errors


@pytest.mark.parametrize("name", ["broken.mp4", "missing.mp4"])
def test_a_source_that_is_no_video_is_told(name: str, bundle_folder: Path, tmp_path: Path, capfd) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    source = str(tmp_path / name)
    arguments = ["--source", source, "--query", "red", "--out", str(tmp_path / "out"), "--model", str(bundle_folder)]
    assert main(arguments) == 1
    errors = capfd.readouterr().err
    assert "camera_node ended with exit code 1" in errors
    assert name in errors


def test_a_folder_that_cannot_be_written_is_told_before_anything_starts(tmp_path: Path, capsys) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main(["--out", str(tmp_path / "file" / "out")]) == 1
    assert f"cannot write in {tmp_path}" in capsys.readouterr().err


def test_a_source_needs_a_query(capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--source", "clip.mp4", "--query", " ; "])
    assert caught.value.code == 2
    assert "--query" in capsys.readouterr().err


def test_a_source_has_no_seed(capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--source", "clip.mp4", "--query", "red", "--seed", "7"])
    assert caught.value.code == 2
    assert "--seed (of make: SEED=) has no effect" in capsys.readouterr().err


def test_answers_are_judged_against_the_truth() -> None:
    pytest.importorskip("mujoco", reason="the simulator is not installed")
    from refseg_ros.demo.questions import judge
    from refseg_ros.simulation.phrases import Phrase

    truth = np.zeros((10, 10), bool)
    truth[2:6, 2:6] = True
    present, absent = Phrase("the mug", "class", 7), Phrase("the red mug", "absent", None)
    mask = np.where(truth, 255, 0).astype(np.uint8)
    assert judge(present, Verdict.FOUND, mask, truth) == 1.0
    mask[2:4] = 0
    assert judge(present, Verdict.UNCERTAIN, mask, truth) == 0.5
    assert judge(present, Verdict.NOT_FOUND, np.zeros_like(mask), truth) == 0.0
    assert judge(absent, Verdict.NOT_FOUND, np.zeros_like(mask), truth) == 1.0
    assert judge(absent, Verdict.FOUND, mask, truth) == 0.0
    assert judge(absent, Verdict.UNCERTAIN, mask, truth) == 0.0


def test_an_answer_is_judged_in_words() -> None:
    grey, there, nowhere = np.zeros((9, 9, 3), np.uint8), np.ones((9, 9), bool), np.zeros((9, 9), bool)
    for verdict, iou, truth, said in (
        (Verdict.FOUND, 0.934, there, "absent: IoU 0.93"),
        (Verdict.NOT_FOUND, 1.0, nowhere, "absent: rightly not found"),
        (Verdict.FOUND, 0.0, nowhere, "absent: wrongly found"),
        (Verdict.UNCERTAIN, None, None, "uncertain"),
    ):
        row = Row("red", "absent", verdict, 1.0, (0, 0, 0, 0), iou, 1.0, (), grey, nowhere * np.uint8(255), truth)
        assert row.judgement() == said


def test_the_sheet_shows_the_truth_where_it_is_known(tmp_path: Path) -> None:
    there = np.zeros((240, 320), bool)
    there[60:180, 80:240] = True
    there, nowhere = there.astype(np.uint8), np.zeros((240, 320), np.uint8)
    grey = np.full((240, 320, 3), 90, np.uint8)
    rows = [
        Row("red", "own", Verdict.FOUND, 1.0, (80, 60, 160, 120), iou, 1.0, (), grey, mask, truth)
        for iou, mask, truth in ((1.0, there * 255, there), (0.0, there * 255, nowhere), (None, nowhere * 255, None))
    ]
    write_pictures(tmp_path, rows)
    sheet = cv2.imread(str(tmp_path / "contact_sheet.png"))
    tiles = [sheet[6:366, 6 + index * (TILE_WIDTH + 6) :][:, :TILE_WIDTH] for index in range(3)]
    drawn, *others = [(tile == (255, 0, 255)).all(axis=2) for tile in tiles]
    assert drawn[90, 120:360].all() and drawn[90:270, 120].all() and np.count_nonzero(drawn) == 2 * (240 + 180) - 4
    assert not any(other.any() for other in others)
    right, wrong, unknown = [(tile == (80, 200, 40)).all(axis=2) for tile in tiles]
    assert right[88, 120:360].all() and right[92, 125:355].all(), (
        "the answer's outline shows on both sides of the truth's"
    )
    assert wrong[90, 120:360].all() and not unknown.any()
    assert (cv2.imread(str(tmp_path / "expression_01.png")) == 90).all()
