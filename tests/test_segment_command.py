"""`python -m refseg_ros.segment`, run as a user runs it."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

from refseg_ros.media.films import stamps_of
from tests.films import BROWSERS_STAMPS, cut, damage, noise, restamp, write_film
from tests.ros.signals import interruptible
from tests.waiting import until

ROOT = Path(__file__).parent.parent
ENVIRONMENT = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}


def write_video(path: Path, frames: Iterable[np.ndarray]) -> None:
    """Of (H, W, 3) uint8 BGR frames, ten a second."""
    writer = None
    for pixels in frames:
        size = pixels.shape[1::-1]
        writer = writer or cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, size)
        writer.write(pixels)
    writer.release()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    pixels = np.full((240, 320, 3), 90, np.uint8)
    pixels[80:160, 100:200] = (10, 10, 220)  # red, as OpenCV orders it
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), pixels)
    return path


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    frames = np.full((12, 240, 320, 3), 90, np.uint8)
    for index in range(6):
        frames[index, 80:160, 100 + 5 * index : 200 + 5 * index] = (10, 10, 220)
    write_video(path, frames)
    return path


@pytest.fixture
def arguments(bundle_folder: Path) -> Callable[..., list[str]]:
    def line(*own: str | Path) -> list[str]:
        usual = ["--threads", "1", "--model", str(bundle_folder)]  # what stands later on the line wins
        return [sys.executable, "-m", "refseg_ros.segment", *usual, *map(str, own)]

    return line


@pytest.fixture
def command(arguments: Callable[..., list[str]]):
    def run(*own: str | Path, before: Callable[[], None] | None = None) -> subprocess.CompletedProcess:
        line = arguments(*own)
        return subprocess.run(
            line, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False, preexec_fn=before, env=ENVIRONMENT
        )

    return run


SEVERAL = """
import json, sys
from refseg_ros.segment import main

for line in json.loads(sys.argv[1]):
    print(main(line), end=chr(0), flush=True)
    print(end=chr(0), file=sys.stderr, flush=True)
"""


@pytest.fixture
def commands(arguments: Callable[..., list[str]]):
    """Runs several command lines one after the other in one new interpreter, which takes long to start."""

    def run(*lines: tuple[str | Path, ...]) -> list[subprocess.CompletedProcess]:
        texts = [arguments(*own)[3:] for own in lines]
        whole = subprocess.run(
            [sys.executable, "-c", SEVERAL, json.dumps(texts)],
            capture_output=True, text=True, cwd=ROOT, timeout=300, check=True, env=ENVIRONMENT,
        )  # fmt: skip
        printed, errors = (stream.split("\0")[:-1] for stream in (whole.stdout, whole.stderr))
        return [
            subprocess.CompletedProcess(line, int(out[-1]), out[:-1], err)
            for line, out, err in zip(texts, printed, errors, strict=True)
        ]

    return run


def said(errors: str) -> list[str]:
    """The lines but for those that tell how far a slow machine came."""
    return [line for line in errors.splitlines() if not line.startswith("frame ")]


def refused(result: subprocess.CompletedProcess, *words: str) -> None:
    assert result.returncode == 2 and result.stdout == ""
    told = said(result.stderr)
    assert len(told) == 1 and told[0].startswith("error: "), result.stderr
    for word in words:
        assert word in result.stderr


def test_an_image(command, image):
    result = command(image, "the red mug")
    written = image.with_name("photo.segmented.png")
    assert result.returncode == 0 and result.stderr == ""
    assert result.stdout.startswith("FOUND score=1.000 box: x=10") and str(written) in result.stdout
    overlay = cv2.imread(str(written))
    assert overlay.shape == (240, 320, 3)
    blue, green, red = overlay[120, 150]
    assert 60 > green > 20 and red > 150 and blue < 60, "red with a light tint of green"
    assert not [path for path in image.parent.iterdir() if "partial" in path.name]


def test_a_video(command, video):
    result = command(video, "the red mug", "-o", video.parent / "out.mp4")
    assert result.returncode == 0
    assert "12 frames: FOUND 6, NOT_FOUND 6" in result.stdout
    written = cv2.VideoCapture(str(video.parent / "out.mp4"))
    assert written.get(cv2.CAP_PROP_FRAME_COUNT) == 12 and written.get(cv2.CAP_PROP_FPS) == 10
    assert sorted(path.name for path in video.parent.iterdir()) == ["film.mp4", "out.mp4"]


def test_a_video_is_one_stream(command, video):
    """The word "redder" sees all three frames of the clip: the red of 0.4 s is in it until that of 0.9 s comes."""
    assert "12 frames: FOUND 9, NOT_FOUND 3" in command(video, "redder").stdout


STEPS = ["letterbox", "encode", "clip", "text", "fuse", "outline", "conclude", "draw", "write"]


def test_the_steps_of_an_image_are_timed(command, image):
    lines = command(image, "red", "--profile").stdout.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("step"))
    table = [line.split() for line in lines[first + 1 : first + 2 + len(STEPS)]]
    assert [row[0] for row in table] == [*STEPS, "total"]
    assert sum(float(row[1]) for row in table[:-1]) == pytest.approx(float(table[-1][1]), abs=0.01 * len(STEPS))


def test_the_steps_of_a_video_are_timed(command, video):
    lines = command(video, "red", "--profile").stdout.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("step"))
    table = [line.split() for line in lines[first + 1 : first + 2 + len(STEPS)]]
    assert [row[0] for row in table] == [*STEPS, "read"]
    assert sum(float(row[3].rstrip("%")) for row in table) == pytest.approx(100, abs=1)
    assert all(float(row[1]) <= float(row[2]) for row in table)
    total = lines[first + 2 + len(STEPS)].split()
    assert (total[0], total[3]) == ("total", "100.0%") and float(total[2]) >= max(float(row[2]) for row in table)


def test_unknown_words_are_reported(command, image):
    result = command(image, "the red gizmo mug on the zebra")
    assert result.returncode == 1 and "UNCERTAIN" in result.stdout
    assert "gizmo" in result.stderr and "zebra" in result.stderr


def test_what_is_nowhere_has_an_exit_code_of_its_own(command, image, video):
    result = command(image, "the green mug")
    assert result.returncode == 1 and result.stdout.startswith("NOT_FOUND") and result.stderr == ""
    result = command(video, "the green mug")
    assert result.returncode == 1 and "12 frames: NOT_FOUND 12" in result.stdout


def test_an_expression_that_looks_like_several_is_said_to_be_one(command, image):
    result = command(image, "the red square; the blue bowl")
    assert said(result.stderr)[0] == "';' separates nothing here; one expression is looked for"


def test_the_help_has_the_exit_codes(command):
    result = command("--help")
    assert result.returncode == 0 and "0 if the thing was found" in " ".join(result.stdout.split())


def test_the_output_is_replaced(command, image):
    written = image.with_name("photo.segmented.png")
    written.write_bytes(b"old")
    assert command(image, "red").returncode == 0
    assert cv2.imread(str(written)) is not None


def test_no_such_file(command, tmp_path):
    refused(command(tmp_path / "nowhere.png", "red"), "nowhere.png", "no such file")


def test_neither_image_nor_video(commands, tmp_path):
    contents = {"empty": b"", "text": b"hello\n", "noise": np.random.default_rng(0).bytes(5000)}
    names = ("notes.txt", "film.mp4", "photo.png", "frame001.jpg")
    files = [tmp_path / kind / name for kind in contents for name in names]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(contents[file.parent.name])
    for file, result in zip(files, commands(*((file, "red") for file in files)), strict=True):
        refused(result, str(file), "neither an image nor a video")


def test_what_was_cut_short(commands, image, video, tmp_path):
    image.write_bytes(image.read_bytes()[:40])
    video.write_bytes(video.read_bytes()[:2000])
    photos = []
    for name, share, tail in (("cut", 0.5, b""), ("with an end", 0.95, b"\xff\xd9"), ("with zeros", 0.7, bytes(64))):
        pixels = np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8)
        pixels = cv2.resize(pixels, (320, 240), interpolation=cv2.INTER_CUBIC)
        pixels[80:160, 100:200] = (10, 10, 220)
        data = cv2.imencode(".jpg", pixels)[1].tobytes()
        photos.append(tmp_path / f"{name}.jpg")
        photos[-1].write_bytes(data[: int(share * len(data))] + tail)
    of_image, of_video, *of_photos = commands(*((path, "the red mug") for path in (image, video, *photos)))
    refused(of_image, "photo.png", "damaged")
    refused(of_video, "film.mp4", "neither")
    for photo, result in zip(photos, of_photos, strict=True):
        refused(result, f"{photo.name}: JPEG of", "damaged or cut short")
    assert not list(tmp_path.glob("*.segmented.*"))


def test_a_place_that_cannot_be_written(commands, image, video):
    (image.parent / "out.png").mkdir()
    no_folder, no_folder_for_a_video, a_folder, in_proc, a_video_in_proc = commands(
        (image, "red", "-o", image.parent / "nowhere" / "out.png"),
        (video, "red", "-o", video.parent / "nowhere" / "out.mp4"),
        (image, "red", "-o", image.parent / "out.png"),
        (image, "red", "-o", "/proc/out.png"),
        (video, "red", "-o", "/proc/out.mp4"),
    )
    refused(no_folder, "nowhere", "no folder")
    refused(no_folder_for_a_video, "nowhere", "no folder")
    assert a_folder.returncode == 2 and a_folder.stderr.endswith(f"Is a directory: '{image.parent / 'out.png'}'\n")
    assert in_proc.returncode == 2 and in_proc.stderr.endswith("No such file or directory: '/proc/out.png'\n")
    refused(a_video_in_proc, "/proc/out.mp4: cannot be written")
    assert not [path for path in image.parent.iterdir() if "partial" in path.name]


def test_a_full_disk(command, image, video):
    """Stood in for by a limit on the size of files, which fails a write in the same way."""
    noise = np.random.default_rng(0).integers(0, 256, (12, 480, 640, 3), np.uint8)
    cv2.imwrite(str(image), noise[0])
    write_video(video, noise)

    def limit() -> None:  # far above what the measuring of coverage writes
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    before = sorted(image.parent.iterdir())
    refused(command(image, "red", before=limit), "File too large", "photo.segmented.png'")
    refused(command(video, "red", before=limit), "film.segmented.mp4", "disk full")
    assert sorted(image.parent.iterdir()) == before


def test_ctrl_c_leaves_nothing_half_written(arguments, video):
    write_video(video, np.zeros((3000, 24, 32, 3), np.uint8))
    process = subprocess.Popen(
        arguments(video, "red"), cwd=ROOT, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, preexec_fn=interruptible
    )
    until(lambda: list(video.parent.glob("*segmented*")), "the file that it writes", process)
    process.send_signal(signal.SIGINT)
    assert said(process.communicate(timeout=60)[1]) == ["stopped"] and process.returncode == 130
    assert list(video.parent.iterdir()) == [video]


def test_what_makes_no_sense(commands, image, tmp_path):
    before = image.read_bytes()
    a_folder, the_source, another_suffix, no_bundle, no_threads = commands(
        (tmp_path, "red"),
        (image, "red", "-o", image.parent / "." / image.name),
        (image, "red", "-o", image.parent / "out.jpg"),
        (image, "red", "--model", tmp_path / "nowhere"),
        (image, "red", "--threads", "-1"),
    )
    refused(a_folder, str(tmp_path))
    refused(the_source, "photo.png", "another name")
    refused(another_suffix, "out.jpg", ".png")
    refused(no_bundle, "nowhere", "no such folder")
    refused(no_threads, "threads is -1")
    assert image.read_bytes() == before


def test_a_browsers_recording_keeps_its_length(tmp_path: Path, command) -> None:
    """Without a stored rate, OpenCV calls it 1000 frames per second."""
    frames = [np.full((48, 64, 3), 90, np.uint8)] * 30
    film = restamp(write_film(tmp_path / "film.webm", frames, 10, "VP80"), BROWSERS_STAMPS)
    result = command(film, "the red mug")
    assert result.returncode in (0, 1), result.stderr
    assert result.stdout.startswith("30 frames: ")
    assert stamps_of(tmp_path / "film.segmented.mp4")[-1] == pytest.approx(2.9, abs=0.15)


@pytest.mark.parametrize(
    "stamps",
    [
        [*range(0, 1000, 100), *range(1000, 2320, 33)],
        [100 * number + (20_000 if number > 25 else 0) for number in range(50)],
        list(range(50)),
    ],
    ids=["faster later", "with a pause", "1000 a second"],
)
def test_a_film_of_varying_rate_keeps_its_length(tmp_path: Path, command, stamps: list[int]) -> None:
    frames = [np.full((48, 64, 3), 90, np.uint8)] * 50
    film = restamp(write_film(tmp_path / "film.webm", frames, 10, "VP80"), stamps)
    assert command(film, "the red mug").stdout.startswith("50 frames: ")
    written = cv2.VideoCapture(str(tmp_path / "film.segmented.mp4"))
    length = written.get(cv2.CAP_PROP_FRAME_COUNT) / written.get(cv2.CAP_PROP_FPS)
    assert length == pytest.approx(stamps[-1] / 1000, abs=0.15)


def test_what_a_damaged_film_lost_is_said(tmp_path: Path, command) -> None:
    film = damage(write_film(tmp_path / "film.mp4", noise(30), 10), 0.5)
    result = command(film, "the red mug")
    assert result.stdout.startswith("27 frames: ")
    (told,) = said(result.stderr)
    assert told == f"{film}: damaged or cut short: 27 of about 30 pictures could be read; fetch it again"
    film = cut(write_film(tmp_path / "film.avi", noise(30), 10, "MJPG"))
    assert "18 of about 30 pictures could be read" in command(film, "the red mug").stderr


def test_of_a_picture_in_motion_the_first_is_looked_at_and_said(tmp_path: Path, command) -> None:
    animation = cv2.Animation()
    animation.frames = [np.full((48, 64, 3), 60 * number, np.uint8) for number in range(3)]
    animation.durations = np.full(3, 100, np.int32)
    for name in ("moving.gif", "moving.png", "moving.webp"):
        assert cv2.imwriteanimation(str(tmp_path / name), animation)
        result = command(tmp_path / name, "the red mug")
        assert result.returncode in (0, 1)
        assert f"{name}: only the first of its 3 pictures is looked at" in result.stderr


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        *(("gizmo", "gizmo"), ("the", "names no thing")),
        *((text, "has no words") for text in ("", "   ", " ?! ")),
    ],
)
def test_why_an_expression_is_not_understood_is_said(command, image: Path, text: str, fault: str) -> None:
    result = command(image, text)
    assert result.returncode == 1 and result.stdout.startswith("NOT_UNDERSTOOD")
    assert fault in result.stderr
    assert image.with_name("photo.segmented.png").exists()
