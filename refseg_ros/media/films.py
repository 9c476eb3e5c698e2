"""Video files, read from the beginning, each picture with its time in the stream.

A container may give no frame rate, or a wrong one: OpenCV reports 1000 for a browser's recording. The time stamp of
each picture is right, so times come from the stamps. The number of pictures that OpenCV reports helps only with a film
that is known to be damaged: an undamaged film has fewer if it was trimmed, or if its sound is longer.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from refseg_ros.media.containers import is_whole
from refseg_ros.media.film_clock import ASSUMED_RATE, LOOKED_AT, FilmClock

LOWEST_RATE, HIGHEST_RATE = 1.0, 240.0
"""Limits of the rate that `rate_of` returns."""
PAUSE = 10.0
"""A step longer than so many mean steps is a pause."""
MOST_DAMAGED = 1000
"""Most damaged pictures in a row that are skipped; OpenCV cannot tell them from the end."""


class FilmError(ValueError):
    """A video that cannot be read; the message names the file."""


class Film:
    """An open video file that gives its pictures one after another, and passes damaged ones over.

    while film.grab():
        use(film.rgb(), film.seconds)
    print(film.damage())
    """

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            FilmError: OpenCV cannot read it.
        """
        self.path = path
        # FFmpeg takes what stands before the first colon of a relative path for a protocol.
        self._capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            self._capture.release()
            raise FilmError(f"{path}: neither an image nor a video that OpenCV can read")
        self._clock = FilmClock(self._capture.get(cv2.CAP_PROP_FPS))
        self._count, self._damaged = 0, 0

    @property
    def seconds(self) -> float:
        """Time of the picture grabbed last, counted from the first one."""
        return self._clock.seconds

    def grab(self) -> bool:
        """Advance to the next picture that can be read; False at the end."""
        for damaged in range(MOST_DAMAGED):
            if self._capture.grab():
                self._clock.note(self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3)
                self._count, self._damaged = self._count + 1, self._damaged + damaged
                return True
        return False

    def damage(self) -> str | None:
        """One line with how many pictures of a damaged or cut film could be read; None for a whole one.

        Call it at the end, when `grab` has returned False.

        Raises:
            OSError: the file is gone.
        """
        expected = self._expected()
        if self._damaged == 0 and (0 < expected <= self._count or is_whole(self.path)):
            return None
        expected = max(expected, self._count + self._damaged)
        of_all = f" of about {expected}" if expected > self._count else ""
        return f"{self.path}: damaged or cut short: {self._count}{of_all} pictures could be read; fetch it again"

    def _expected(self) -> int:
        """About how many pictures the container counts; 0 where it counts none."""
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        if not self._clock.has_rate:  # then OpenCV counts milliseconds
            count /= 1e3 * self._clock.usual
        return round(count) if 0.0 < count <= self.path.stat().st_size else 0

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
    """Pictures per second without pauses, from the first LOOKED_AT steps; for writing a video made from this one.

    Raises:
        FilmError: as `stamps_of`.
    """
    steps = [later - earlier for earlier, later in pairwise(stamps_of(path, LOOKED_AT + 1))]
    if not steps:
        return ASSUMED_RATE
    usual = median(steps)
    near = [step for step in steps if usual / 2.5 < step < usual * 2.5]  # containers round them to milliseconds
    going_on = [step for step in steps if step <= PAUSE * mean(steps)]
    if sum(near) < sum(going_on) / 2.0:  # pictures come in bursts, and the usual step is one within them
        near = going_on
    return min(max(len(near) / sum(near), LOWEST_RATE), HIGHEST_RATE)
