"""Cameras without ROS: each kind gives its pictures in their time, or says in one line why it cannot."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from refseg_ros.images.headers import KINDS, header_of
from refseg_ros.media.files import IMAGE_SUFFIXES
from refseg_ros.media.films import Film, rate_of, stamps_of
from refseg_ros.media.recorded import ImageFile, ImageFolder, VideoFile
from refseg_ros.media.simulated_camera import SimulatedCamera
from refseg_ros.media.source import Source, SourceError
from refseg_ros.media.sources import open_source
from tests.films import BROWSERS_STAMPS, cut, damage, index_first, noise, restamp, trim, write_film
from tests.simulation.mesh_writers import kitchen

RATE = 10.0
FRAMES = 20


warnings: list[str] = []


def opened(source: str | Path, loop: bool = False, seed: int = 3, scene_seconds: float = 0.0) -> Source:
    return open_source(
        str(source),
        loop=loop,
        width=64,
        height=48,
        seed=seed,
        split="held_out",
        moving=None,
        scene_seconds=scene_seconds,
        warn=warnings.append,
    )


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Twenty frames at 10 Hz, each of one grey that tells its number."""
    path = tmp_path / "grey.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), RATE, (64, 48))
    for number in range(FRAMES):
        writer.write(np.full((48, 64, 3), 10 * number + 20, np.uint8))
    writer.release()
    return path


def number_of(picture) -> int:
    return round((float(picture.rgb.mean()) - 20) / 10)


def read_all(source: Source, elapsed: float, most: int = 1000) -> list[int]:
    numbers = []
    while len(numbers) < most and (picture := source.read(elapsed)) is not None:
        numbers.append(number_of(picture))
    source.close()
    return numbers


@pytest.mark.parametrize(("elapsed", "step"), [(0.1, 1), (0.2, 2), (0.5, 5), (0.01, 1)])
def test_a_video_is_read_at_the_pace_of_the_reader(video: Path, elapsed: float, step: int) -> None:
    source = opened(video)
    assert source.highest_rate == RATE
    assert read_all(source, elapsed) == list(range(0, FRAMES, step))


def test_a_looped_video_begins_again(video: Path) -> None:
    assert read_all(opened(video, loop=True), 0.5, most=9) == [0, 5, 10, 15, 0, 5, 10, 15, 0]


def test_a_folder_is_read_in_the_order_of_names_and_in_rgb(tmp_path: Path) -> None:
    for name, bgr in (("b.PNG", (0, 0, 255)), ("a.jpg", (255, 0, 0)), ("c.bmp", (0, 255, 0))):
        cv2.imwrite(str(tmp_path / name), np.full((8, 8, 3), bgr, np.uint8))
    (tmp_path / "notes.txt").write_text("no image")
    source = opened(tmp_path, loop=True)
    assert isinstance(source, ImageFolder)
    strongest = [int(source.read(0.1).rgb[4, 4].argmax()) for _ in range(4)]
    assert strongest == [2, 0, 1, 2]
    source = opened(tmp_path)
    assert len(read_all(source, 0.1)) == 3


def test_a_text_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    for content in (b"", b"this is no video\n" * 100):
        path.write_bytes(content)
        with pytest.raises(SourceError, match="neither an image nor a video that OpenCV can read"):
            opened(path)


def test_a_video_cut_in_half_is_read_or_refused(video: Path) -> None:
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    with pytest.raises(SourceError):
        read_all(opened(video), 0.1)


def test_what_does_not_open_says_why(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no image"):
        opened(tmp_path)
    with pytest.raises(SourceError, match="must be one of: 'simulation'"):
        opened(tmp_path / "missing\n.mp4")
    with pytest.raises(SourceError, match="another kind of file"):
        opened("/dev/null")
    (tmp_path / "by-id").symlink_to("/dev/video96")
    for device, number in (("/dev/video96", 96), (tmp_path / "by-id", 96), ("97", 97)):
        with pytest.raises(SourceError, match=f"webcam {number} does not open; is /dev/video{number} there"):
            opened(device)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n")
    with pytest.raises(SourceError, match="holds no image that can be read"):
        opened(tmp_path).read(0.0)


@pytest.mark.parametrize(
    "url", ["rtsp://user:secret@127.0.0.1:9/cam", "http://127.0.0.1:9/film.mp4", "tcp://127.0.0.1:9"]
)
def test_a_stream_that_is_not_there_says_so_and_keeps_its_password(url: str) -> None:
    with pytest.raises(SourceError, match="is its server up") as caught:
        opened(url)
    assert "secret" not in str(caught.value)


def test_a_stream_of_the_network_is_read(tmp_path: Path) -> None:
    frames = [np.full((48, 64, 3), 10 * number + 20, np.uint8) for number in range(FRAMES)]
    write_film(tmp_path / "film.avi", frames, RATE, "MJPG")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = opened(f"http://127.0.0.1:{server.server_address[1]}/film.avi")
        assert [number_of(source.read(0.1)) for _ in range(3)] == [0, 1, 2]
        source.close()
        server.shutdown()


def test_files_of_a_folder_that_are_no_pictures_are_left_out_and_named(tmp_path: Path) -> None:
    whole = cv2.imencode(".jpg", np.full((64, 64, 3), 90, np.uint8))[1].tobytes()
    rng = np.random.default_rng(0)
    noisy = cv2.imencode(".jpg", rng.integers(0, 255, (64, 64, 3), np.uint8))[1].tobytes()
    (tmp_path / "b.jpg").write_bytes(whole)
    (tmp_path / "d.jpg").write_bytes(whole)
    broken = {
        "._b.jpg": b"\0\x05\x16\x07\0\x02\0\0Mac OS X        ",
        "a.png": b"",
        "c.jpg": noisy[: len(noisy) // 2],
        "cut.jpg": noisy[: len(noisy) // 2] + b"\xff\xd9",
        "text.png": b"no picture",
    }
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder.png").mkdir()
    warnings.clear()
    source = opened(tmp_path, loop=True)
    assert all(source.read(0.1) is not None for _ in range(7))
    for name in (*broken, "folder.png"):
        assert sum(f"/{name}: " in line for line in warnings) == 1, name
    assert len(warnings) == len(broken) + 1


def test_every_kind_of_picture_that_is_read_counts_as_an_image_of_a_folder(tmp_path: Path) -> None:
    others = {".jfif": ".jpg", ".jpe": ".jpg", ".mpo": ".jpg", ".j2k": ".jp2"}
    assert others.keys() <= set(IMAGE_SUFFIXES), "other names of the same kinds"
    kinds = set()
    for suffix in IMAGE_SUFFIXES:
        grey = np.full((48, 64) if suffix in (".pbm", ".pgm") else (48, 64, 3), 200, np.uint8)
        data = cv2.imencode(others.get(suffix, suffix), grey)[1].tobytes()
        (tmp_path / f"photo{suffix}").write_bytes(data)
        kinds.add(header_of(data).kind)
    assert set(KINDS) == kinds
    warnings.clear()
    assert len(read_all(opened(tmp_path), 0.1)) == len(IMAGE_SUFFIXES) and warnings == []
    for suffix in IMAGE_SUFFIXES:
        read = opened(tmp_path / f"photo{suffix}")
        assert isinstance(read, ImageFile) and len(read_all(read, 0.1)) == 1


def test_a_picture_that_was_cut_short_is_no_source(tmp_path: Path) -> None:
    for suffix in (".jpg", ".png", ".webp"):
        path = tmp_path / f"photo{suffix}"
        path.write_bytes(cv2.imencode(suffix, noise(1)[0])[1].tobytes())
        assert len(read_all(opened(path), 0.1)) == 1
        assert len(read_all(opened(path, loop=True), 0.1, most=3)) == 3
        with pytest.raises(SourceError, match=f"photo{suffix}: .* damaged or cut short"):
            opened(cut(path))


def test_pictures_in_motion_are_played_where_ffmpeg_plays_them(tmp_path: Path) -> None:
    animation = cv2.Animation()
    animation.frames = [np.full((48, 64, 3), 10 * number + 20, np.uint8) for number in range(3)]
    animation.durations = np.full(3, 100, np.int32)
    for name in ("moving.gif", "moving.png", "moving.webp"):
        assert cv2.imwriteanimation(str(tmp_path / name), animation)
    (tmp_path / "raw.mjpg").write_bytes(b"".join(cv2.imencode(".jpg", frame)[1] for frame in animation.frames))
    warnings.clear()
    for name in ("moving.gif", "moving.png", "raw.mjpg"):
        source = opened(tmp_path / name)
        assert isinstance(source, VideoFile) and read_all(source, 0.01) == [0, 1, 2]
    assert warnings == []
    assert read_all(opened(tmp_path / "moving.webp"), 0.01) == [0]
    (line,) = warnings
    assert "moving.webp: only the first of its 3 pictures is looked at" in line


def test_numbered_images_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 1, 9, 2, 11):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((8, 8, 3), 10 * number + 20, np.uint8))
    assert read_all(opened(tmp_path), 0.1) == [1, 2, 9, 10, 11]


@pytest.mark.parametrize("codec", ["VP80", "VP90"])
def test_a_browsers_recording_is_as_long_as_it_was(tmp_path: Path, codec: str) -> None:
    """3 s without a rate, whose stamps are not quite even: OpenCV calls it 1000 frames per second."""
    frames = [np.full((48, 64, 3), 8 * number + 10, np.uint8) for number in range(30)]
    path = restamp(write_film(tmp_path / "film.webm", frames, RATE, codec), BROWSERS_STAMPS)
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS) == 1000.0
    assert [round(1e3 * seconds) for seconds in stamps_of(path)] == BROWSERS_STAMPS
    assert rate_of(path) == pytest.approx(RATE, rel=0.02)
    assert len(read_all(opened(path), 0.1)) == 30
    assert len(read_all(opened(path), 0.2)) in (14, 15, 16)
    source = opened(path)
    elapsed, seconds = 0.0, 0.0
    while source.read(elapsed) is not None:  # as the node does, as fast as the source allows
        elapsed = 1.0 / source.highest_rate
        seconds += elapsed
    assert seconds == pytest.approx(3.0, abs=0.15)


def test_a_film_whose_rate_changes_is_read_by_its_stamps(tmp_path: Path) -> None:
    frames = [np.full((48, 64, 3), 10 * number + 20, np.uint8) for number in range(20)]
    stamps = [*range(0, 500, 50), *range(500, 10_500, 1000)]
    path = restamp(write_film(tmp_path / "film.webm", frames, RATE, "VP80"), stamps)
    assert read_all(opened(path), 0.5) == [0, *(10 + number for number in range(10))]


@pytest.mark.parametrize(
    ("stamps", "seconds"),
    [
        ([0] * 30, 1.0),  # as many as of a video that says nothing of time
        ([100 * (number // 2 * 2) for number in range(30)], 3.0),
        ([100 * (number ^ 1) for number in range(30)], 3.0),
        ([*BROWSERS_STAMPS[:10], *(stamp - BROWSERS_STAMPS[10] for stamp in BROWSERS_STAMPS[10:])], 3.0),
        ([100 * number if number != 15 else 0 for number in range(30)], 3.0),
    ],
    ids=["all the same", "in pairs", "pairs swapped", "back to the beginning", "one without"],
)
def test_a_film_whose_stamps_do_not_rise_is_as_long_as_it_was(
    tmp_path: Path, stamps: list[int], seconds: float
) -> None:
    path = restamp(write_film(tmp_path / "film.webm", noise(30), RATE, "VP80"), stamps)
    times = stamps_of(path)
    assert len(times) == 30
    assert (np.diff(times) > 0.0).all()
    assert times[-1] == pytest.approx(seconds, abs=0.11)
    assert rate_of(path) == pytest.approx(30 / seconds, rel=0.05)


def test_the_rate_of_a_film_is_that_between_its_pauses(tmp_path: Path) -> None:
    stamps = [round(1000 * number / 60) + (5000 if number > 5 else 0) for number in range(30)]
    path = restamp(write_film(tmp_path / "film.webm", noise(30), RATE, "VP80"), stamps)
    assert rate_of(path) == pytest.approx(60, rel=0.01)


@pytest.mark.parametrize(("burst", "rate"), [(3, 12), (5, 10)])
def test_the_rate_of_a_film_in_bursts_is_that_of_all_of_it(tmp_path: Path, burst: int, rate: int) -> None:
    """As of a camera whose pictures get their stamps where they arrive."""
    stamps = [round(1000 * burst / rate) * (number // burst) + number % burst for number in range(10 * burst)]
    path = restamp(write_film(tmp_path / "film.webm", noise(len(stamps)), RATE, "VP80"), stamps)
    assert rate_of(path) == pytest.approx(rate, rel=0.1)


WHOLE = [("mp4v", "mp4"), ("mp4v", "mov"), ("MJPG", "avi"), ("XVID", "avi"), ("MJPG", "mkv"), ("VP80", "webm")]
"""Codecs and containers."""


def remarks_on(path: Path) -> list[str]:
    """What is said while a film is played to its end twice."""
    warnings.clear()
    source = opened(path, loop=True)
    with Film(path) as film:
        while film.grab():
            pass
    read_all(source, 0.1, most=int(2 * film.seconds / 0.1) + 3)
    return list(warnings)


@pytest.mark.parametrize(("codec", "kind"), WHOLE)
def test_a_whole_film_is_not_called_damaged(tmp_path: Path, codec: str, kind: str) -> None:
    assert remarks_on(write_film(tmp_path / f"film.{kind}", noise(30), RATE, codec)) == []


@pytest.mark.parametrize("stamps", [BROWSERS_STAMPS, [50 * number for number in range(30)], [0] * 30])
def test_a_whole_film_of_which_the_container_counts_no_pictures_is_not_called_damaged(tmp_path: Path, stamps) -> None:
    assert remarks_on(restamp(write_film(tmp_path / "film.webm", noise(30), RATE, "VP80"), stamps)) == []


def test_a_trimmed_film_is_not_called_damaged(tmp_path: Path) -> None:
    path = trim(write_film(tmp_path / "film.mp4", noise(30), RATE))
    assert len(stamps_of(path)) < 20 and cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT) == 30
    assert remarks_on(path) == []


def test_a_film_is_read_on_behind_a_damaged_spot(tmp_path: Path) -> None:
    path = damage(write_film(tmp_path / "film.mp4", noise(30), RATE), 0.5)
    stamps = stamps_of(path)
    assert len(stamps) == 27 and stamps[-1] == pytest.approx(2.9)
    (remark,) = remarks_on(path)
    assert remark == f"{path}: damaged or cut short: 27 of about 30 pictures could be read; fetch it again"


@pytest.mark.parametrize(
    "spoil", [cut, partial(damage, begin=0.5), partial(damage, begin=0.85)], ids=["cut", "damaged", "damaged late"]
)
@pytest.mark.parametrize(("codec", "kind"), [("MJPG", "avi"), ("XVID", "avi"), ("MJPG", "mkv"), ("VP80", "webm")])
def test_what_a_film_lost_is_said_once(tmp_path: Path, codec: str, kind: str, spoil) -> None:
    path = spoil(write_film(tmp_path / f"film.{kind}", noise(30), RATE, codec))
    read = len(stamps_of(path))
    assert 1 < read < 30
    (remark,) = remarks_on(path)
    assert f"{path}: damaged or cut short: {read} of about 30 pictures could be read" in remark


def test_what_an_mp4_for_the_web_lost_is_said(tmp_path: Path) -> None:
    path = index_first(write_film(tmp_path / "film.mp4", noise(30), RATE))
    assert len(stamps_of(path)) == 30 and remarks_on(path) == []
    (remark,) = remarks_on(cut(path))
    assert f"{len(stamps_of(path))} of about 30 pictures" in remark


def test_what_a_browsers_recording_lost_is_said(tmp_path: Path) -> None:
    path = restamp(write_film(tmp_path / "film.webm", noise(30), RATE, "VP80"), BROWSERS_STAMPS)
    (remark,) = remarks_on(cut(path))
    said = int(remark.split(" of about ")[1].split()[0])
    assert said == pytest.approx(30, abs=4)


def test_the_simulated_camera_knows_its_truth_and_changes_scenes() -> None:
    pytest.importorskip("mujoco", reason="the simulator is not installed")
    source = opened("simulation", seed=3, scene_seconds=0.5)
    seeds = []
    for _ in range(7):
        picture = source.read(0.2, depth=len(seeds) == 0)
        seeds.append(picture.truth["seed"])
        assert picture.rgb.shape == (48, 64, 3)
        assert set(np.unique(picture.labels)) <= {0} | {item["instance_id"] for item in picture.truth["objects"]}
        assert (picture.depth is not None) == (len(seeds) == 1)
        assert (picture.intrinsics.width, picture.intrinsics.height) == (64, 48)
    source.close()
    assert seeds == [3, 3, 3, 4, 4, 4, 5]


def test_a_simulated_camera_over_a_folder_of_meshes(tmp_path: Path) -> None:
    source = SimulatedCamera(64, 48, 1, "train", None, 0.0, str(kitchen(tmp_path / "meshes")))
    picture = source.read(0.0)
    source.close()
    assert picture.truth and {"can", "box", "ball"} >= {thing["class_name"] for thing in picture.truth["objects"]}
    with pytest.raises(SourceError, match="there is no such folder of meshes"):
        SimulatedCamera(64, 48, 1, "train", None, 0.0, str(tmp_path / "nowhere"))
