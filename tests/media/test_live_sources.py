"""Live cameras without ROS, from a real stream: a picture is as new as the moment that comes with it says."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import TimeoutError as NotYet  # of its own before Python 3.11
from pathlib import Path

import cv2
import numpy as np
import pytest

from refseg_ros.media import live
from refseg_ros.media.live import Live, ServedFilm, open_stream
from refseg_ros.media.source import Source, SourceError
from tests.films import write_film
from tests.streamer import PATIENCE, RATE, Streamer, number_in


@pytest.fixture
def camera() -> Iterator[Streamer]:
    with Streamer() as one:
        yield one


@pytest.fixture
def source(camera: Streamer) -> Iterator[Live]:
    opened = open_stream(camera.url, time.time)
    assert isinstance(opened, Live)
    yield opened
    opened.close()


def fall_silent(camera: Streamer, source: Live) -> None:
    """Returns when the source waits for a picture that does not come."""
    camera.is_silent.set()
    while True:
        try:
            source.ask().result(1.0)
        except NotYet:
            return


def test_a_picture_that_is_read_after_a_pause_was_sent_late_in_it(camera: Streamer, source: Live) -> None:
    begun = number_in(source.read(0.0).rgb)
    camera.wait_for(begun + 90)
    assert number_in(source.read(0.1).rgb) > begun + 30


def test_the_moment_of_a_picture_is_that_of_its_arrival(camera: Streamer, source: Live) -> None:
    numbers, moments = [], []
    for _ in range(20):
        picture, moment = source.ask().result(PATIENCE)
        numbers.append(number_in(picture.rgb))
        moments.append(moment)
        assert camera.sent[numbers[-1]] <= moment <= time.time()
    assert (np.diff(numbers) > 0).all() and (np.diff(moments) > 0.0).all()
    assert min(moment - camera.sent[number] for moment, number in zip(moments, numbers, strict=True)) < 1.0


class Paced:
    """A film as if it were a camera: its pictures come at 50 Hz. OpenCV's own class crashes as a base class."""

    def __init__(self, path: str, reader: int) -> None:
        self._film = cv2.VideoCapture(path, reader)
        self.retrieve, self.release = self._film.retrieve, self._film.release

    def grab(self) -> bool:
        time.sleep(0.02)
        return self._film.grab()


def film_with_damage(path: Path, damaged: range) -> str:
    """60 pictures of Motion JPEG, of which these are nothing but zeros."""
    write_film(path, [np.full((48, 64, 3), 4 * number + 10, np.uint8) for number in range(60)], RATE, "MJPG")
    data = bytearray(path.read_bytes())
    pictures = [found.start() for found in re.finditer(rb"00dc....\xff\xd8", data, re.DOTALL)]
    for number in damaged:
        (size,) = struct.unpack_from("<I", data, pictures[number] + 4)
        data[pictures[number] + 8 : pictures[number] + 8 + size] = bytes(size)
    path.write_bytes(data)
    return str(path)


def numbers_of(source: Source) -> list[int]:
    """The numbers of all pictures until the source ends."""
    numbers = []
    with pytest.raises(SourceError, match="gives no more pictures"):
        while picture := source.read(0.0):
            numbers.append(round((picture.rgb.mean() - 10) / 4))
    return numbers


@pytest.mark.parametrize("reader", [cv2.CAP_FFMPEG, cv2.CAP_OPENCV_MJPEG], ids=["not decoded", "decoded to nothing"])
def test_pictures_that_cannot_be_decoded_are_left_out(tmp_path: Path, reader: int) -> None:
    path = film_with_damage(tmp_path / "film.avi", range(20, 30))
    whole = [*range(20), *range(30, 60)]
    assert numbers_of(ServedFilm("film", cv2.VideoCapture(path, reader))) == whole
    camera = Live("camera", Paced(path, reader), time.time)
    assert set(numbers_of(camera)[-10:]) < set(whole[20:]), "those after the damaged ones"
    assert camera.close()


def test_a_source_that_gives_no_picture_that_can_be_decoded_is_given_up(tmp_path: Path) -> None:
    path = film_with_damage(tmp_path / "film.avi", range(20, 20 + live.MOST_DAMAGED))
    assert numbers_of(ServedFilm("film", cv2.VideoCapture(path, cv2.CAP_FFMPEG))) == [*range(20)]
    camera = Live("camera", Paced(path, cv2.CAP_FFMPEG), time.time)
    assert set(numbers_of(camera)) <= {*range(20)}
    assert camera.close()


def test_the_end_of_a_stream_is_told_whenever_it_is_read(camera: Streamer, source: Live) -> None:
    source.read(0.0)
    camera.is_over.set()
    for _ in range(2):
        with pytest.raises(SourceError, match="stream 'http://.*' gives no more pictures"):
            while True:
                source.read(0.1)
    assert source.close()


def test_a_stream_that_falls_silent_is_lost(camera: Streamer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "STREAM_PATIENCE", 4)
    source = open_stream(camera.url, time.time)
    source.read(0.0)
    camera.is_silent.set()
    with pytest.raises(SourceError, match="gives no more pictures"):
        while True:
            source.read(0.1)
    assert source.close()


def test_a_silent_stream_is_closed_without_waiting_for_it(
    camera: Streamer, source: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PATIENCE", 0.1)
    fall_silent(camera, source)
    asked = source.ask()
    assert not source.close(), "its thread is inside OpenCV"
    with pytest.raises(SourceError):
        asked.result(0.0)
    camera.is_silent.clear()
    monkeypatch.setattr(live, "PATIENCE", PATIENCE)
    assert source.close(), "the thread ended at the next picture"


def test_a_program_ends_without_closing_its_source(camera: Streamer) -> None:
    code = (
        "import sys, time; from refseg_ros.media.live import open_stream; open_stream(sys.argv[1], time.time).read(0)"
    )
    done = subprocess.run([sys.executable, "-c", code, camera.url], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == ""
