"""The programs in examples/ that need no ROS run as their page says; tests/ros has the others. All tell their usage."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from refseg_ros import Segmenter

ROOT = Path(__file__).parent.parent
PATIENCE = 600.0
"""Seconds after which a program hangs."""


def command(name: str, *arguments: object) -> list[str]:
    return [sys.executable, str(ROOT / "examples" / name), *map(str, arguments)]


def run(name: str, *arguments: object, folder: Path) -> str:
    """What a program prints."""
    done = subprocess.run(
        command(name, *arguments), cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated table."""
    tabletop = pytest.importorskip("refseg_ros.simulation.tabletop", exc_type=ImportError)
    path = tmp_path_factory.mktemp("photos") / "table.png"
    with tabletop.Tabletop(640, 480) as table:
        table.reset(3, "train", moving=False)
        cv2.imwrite(str(path), table.render(depth=False).rgb[..., ::-1])
    return path


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "examples").glob("*.py")))
def test_without_arguments_it_says_in_one_line_what_it_takes(name: str, tmp_path: Path) -> None:
    done = subprocess.run(command(name), cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if missing := re.search(r"ModuleNotFoundError: No module named '(\w+)", done.stderr):
        pytest.skip(f"{missing[1]} is not installed")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"usage: python {ROOT / 'examples' / name} ") and done.stdout == ""
    assert done.returncode == 2 and not list(tmp_path.iterdir())


def described(photo: Path, expression: str) -> str:
    answer = Segmenter().segment(cv2.cvtColor(cv2.imread(str(photo)), cv2.COLOR_BGR2RGB), expression)
    return f"{answer.verdict.label}, score {answer.score:.2f}, {answer.box}"


def test_find_in_photo(photo: Path, tmp_path: Path) -> None:
    printed = run("find_in_photo.py", photo, "the shiny mug", folder=tmp_path).splitlines()
    assert printed == [described(photo, "the shiny mug"), "the model does not know: shiny"]


@pytest.mark.parametrize(
    ("program", "before", "name"),
    [
        ("find_in_photo.py", (), "missing.png"),
        ("find_in_photo.py", (), "cut.jpg"),
        ("photos_to_csv.py", (), "missing"),
        ("own_model.py", ("frames", "work"), "missing.png"),
    ],
)
def test_a_photo_or_folder_that_is_missing_or_cut_gets_one_line(
    program: str, before: tuple[str, ...], name: str, photo: Path, tmp_path: Path
) -> None:
    if program == "own_model.py":
        pytest.importorskip("torch")
    whole = cv2.imencode(".jpg", cv2.imread(str(photo)))[1].tobytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    arguments = command(program, *before, tmp_path / name, "the mug")
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=PATIENCE, check=False)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1 and done.stdout == ""
    assert line.startswith("error: ") and name in line


def test_photos_to_csv(photo: Path) -> None:
    (photo.parent / "notes.txt").write_text("no picture")
    (photo.parent / "cut.png").write_bytes(photo.read_bytes()[:-500])
    printed = run("photos_to_csv.py", photo.parent, "the mug", "the bowl", folder=photo.parent)
    rows = list(csv.DictReader(printed.splitlines()))
    assert [(row["photo"], row["expression"]) for row in rows] == [(photo.name, "the mug"), (photo.name, "the bowl")]
    for row in rows:
        shown = described(photo, row["expression"])
        assert shown.startswith(f"{row['verdict']}, ") and f"width={row['width']}" in shown


def test_make_parts(tmp_path: Path) -> None:
    objects = pytest.importorskip("model_training.objects", exc_type=ImportError)
    run("make_parts.py", "parts", folder=tmp_path)
    assert objects.main([str(tmp_path / "parts")]) == 0
    assert {path.stem for path in (tmp_path / "parts").iterdir()} == {"bolt", "bracket", "knob"}


def test_own_model(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from tests.model_training.folder import write_folder

    frames = write_folder(tmp_path / "frames")
    picture = frames / "images" / "0.png"
    printed = run("own_model.py", frames, tmp_path / "work", picture, "the red box", 2, folder=tmp_path)
    segmenter, image = Segmenter(tmp_path / "work" / "bundle"), cv2.imread(str(picture))[..., ::-1]
    answer = segmenter.segment(image, "the red box")
    assert printed.splitlines()[-1] == f"{answer.verdict.label}, score {answer.score:.2f}, {answer.box}"
    assert segmenter.segment(image, "the purple box").unknown_words == ("purple",)
