"""Cameras without ROS: each kind gives its pictures in their time, or says in one line why it cannot."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from refseg_ros.sources import ImageFolder, Source, SourceError, VideoFile, open_source

RATE = 10.0
FRAMES = 20


def opened(source: str | Path, loop: bool = False, seed: int = 3, scene_seconds: float = 0.0) -> Source:
    return open_source(
        str(source), loop=loop, width=64, height=48, seed=seed, split="held_out", scene_seconds=scene_seconds
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
        with pytest.raises(SourceError, match="is no video that OpenCV can read"):
            opened(path)


def test_a_video_cut_in_half_is_read_or_refused(video: Path) -> None:
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    with pytest.raises(SourceError):
        read_all(VideoFile(video, loop=False), 0.1)


def test_what_does_not_open_says_why(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no image"):
        opened(tmp_path)
    with pytest.raises(SourceError, match="is none of: 'simulation'"):
        opened(tmp_path / "missing\n.mp4")
    with pytest.raises(SourceError, match="webcam 97 does not open"):
        opened("97")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n")
    with pytest.raises(SourceError, match="broken.png is no image"):
        opened(tmp_path).read(0.0)


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
