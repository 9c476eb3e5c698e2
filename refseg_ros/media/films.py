"""Video files, read from the beginning, each picture with its time in the stream.

A container may give no frame rate, or a wrong one: OpenCV reports 1000 for a browser's recording. The time stamp of
each picture is right, so times come from the stamps.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from refseg_ros.media.film_clock import ASSUMED_RATE, LOOKED_AT, FilmClock

LOWEST_RATE, HIGHEST_RATE = 1.0, 240.0
"""Limits of the rate that `rate_of` returns."""


class FilmError(ValueError):
    """A video that cannot be read; the message names the file."""


class Film:
    """An open video file that gives its pictures one after another.

    while film.grab():
        use(film.rgb(), film.seconds)
    """

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            FilmError: OpenCV cannot read it.
        """
        self.path = path
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            self._capture.release()
            raise FilmError(f"{path}: neither an image nor a video that OpenCV can read")
        self._clock = FilmClock(self._capture.get(cv2.CAP_PROP_FPS))

    @property
    def seconds(self) -> float:
        """Time of the picture grabbed last, counted from the first one."""
        return self._clock.seconds

    def grab(self) -> bool:
        """Advance to the next picture; False at the end."""
        if not self._capture.grab():
            return False
        self._clock.note(self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3)
        return True

    def rgb(self) -> npt.NDArray[np.uint8]:
        """The grabbed picture, (H, W, 3) uint8 RGB.

        Raises:
            FilmError: it cannot be decoded.
        """
        good, pixels = self._capture.retrieve()
        if not good or pixels is None:
            raise FilmError(f"{self.path}: cannot be decoded at {self.seconds:.2f} s")
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), dtype=np.uint8)

    def close(self) -> None:
        """Close the file."""
        self._capture.release()

    def __enter__(self) -> Film:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def stamps_of(path: Path, most: int | None = None) -> list[float]:
    """Times of the pictures of a video, or of its first `most` pictures, in seconds since the first one.

    Raises:
        FilmError: OpenCV can read no picture of it.
    """
    stamps: list[float] = []
    with Film(path) as film:
        while (most is None or len(stamps) < most) and film.grab():
            stamps.append(film.seconds)
    if not stamps:
        raise FilmError(f"{path}: neither an image nor a video that OpenCV can read")
    return stamps


def rate_of(path: Path) -> float:
    """Pictures per second while nothing pauses, from the first LOOKED_AT steps; the rate of a video made from this one.

    Raises:
        FilmError: as `stamps_of`.
    """
    steps = [later - earlier for earlier, later in pairwise(stamps_of(path, LOOKED_AT + 1))]
    if not steps:
        return ASSUMED_RATE
    usual = median(steps)
    near = [step for step in steps if usual / 2.0 < step < usual * 2.0]  # containers round them to milliseconds
    return min(max(len(near) / sum(near), LOWEST_RATE), HIGHEST_RATE)
