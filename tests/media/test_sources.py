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
from refseg_ros.media.recorded import ImageFile, ImageFolder, VideoFile
from refseg_ros.media.simulated_camera import SimulatedCamera
from refseg_ros.media.source import SourceError
from tests.films import cut, noise, write_film
from tests.media.reading import number_of, opened, read_all, warnings
from tests.simulation.mesh_writers import kitchen

RATE = 10.0
FRAMES = 20


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Twenty frames at 10 Hz, each of one grey that tells its number."""
    path = tmp_path / "grey.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), RATE, (64, 48))
    for number in range(FRAMES):
        writer.write(np.full((48, 64, 3), 10 * number + 20, np.uint8))
    writer.release()
    return path


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
    with pytest.raises(SourceError, match="cannot be read: File name too long"):
        opened(tmp_path / ("a" * 300))
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
    assert seeds == [3, 3, 3, 4, 4, 4, 5]
    source.show(True)
    assert source.read(0.2).truth["seed"] == 5, "another motion, not another scene"
    source.show(None, 8)
    assert source.read(0.2).truth["seed"] == 8
    source.close()


def test_a_simulated_camera_over_a_folder_of_meshes(tmp_path: Path) -> None:
    source = SimulatedCamera(64, 48, 1, "train", None, 0.0, str(kitchen(tmp_path / "meshes")))
    picture = source.read(0.0)
    source.close()
    assert picture.truth and {"can", "box", "ball"} >= {thing["class_name"] for thing in picture.truth["objects"]}
    with pytest.raises(SourceError, match="there is no such folder of meshes"):
        SimulatedCamera(64, 48, 1, "train", None, 0.0, str(tmp_path / "nowhere"))
