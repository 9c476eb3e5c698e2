"""Films: their time, their length, and what is said of damaged ones."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from refseg_ros.media.files import writing_video
from refseg_ros.media.films import Film, rate_of, stamps_of
from tests.films import BROWSERS_STAMPS, cut, damage, index_first, noise, restamp, trim, write_film
from tests.media.reading import opened, read_all, warnings

RATE = 10.0


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


def test_a_film_may_have_a_colon_in_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg takes what stands before it for a protocol, such as http."""
    monkeypatch.chdir(tmp_path)
    path = Path("2024-05-01T10:00:00.mp4")
    with writing_video(path, 64, 48, RATE) as append:
        append(np.zeros((48, 64, 3), np.uint8))
    assert stamps_of(path) == [0.0]


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
