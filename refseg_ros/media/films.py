"""Video files, read from the beginning, each picture with its time in the stream.

A container may give no frame rate, or a wrong one: OpenCV reports 1000 for a browser's recording. The time stamp of
each picture is right, so times come from the stamps.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

ASSUMED_RATE = 30.0
"""Pictures per second of a video that has neither stamps nor a frame rate."""
LOOKED_AT = 100
"""How many pictures `rate_of` looks at."""
LOWEST_RATE, HIGHEST_RATE = 1.0, 240.0
"""Limits of the rate that `rate_of` returns."""


class FilmError(ValueError):
    """A video that cannot be read; the message names the file."""


class Film:
    """An open video file that gives its pictures one after another.

        while film.grab():
            use(film.rgb(), film.seconds)

    Attributes:
        path: of the file.
        seconds: time of the picture grabbed last, counted from the first one.
    """

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            FilmError: OpenCV cannot read it.
        """
        self.path = path
        self.seconds = 0.0
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            self._capture.release()
            raise FilmError(f"{path}: neither an image nor a video that OpenCV can read")
        said = float(self._capture.get(cv2.CAP_PROP_FPS))
        self._usual = 1.0 / (said if math.isfinite(said) and 0.0 < said <= 1000.0 else ASSUMED_RATE)
        self._first: float | None = None

    def grab(self) -> bool:
        """Advance to the next picture; False at the end."""
        if not self._capture.grab():
            return False
        stamp = float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1e3
        if self._first is None:
            self._first = stamp if math.isfinite(stamp) else 0.0
            return True
        since = stamp - self._first
        # A stream without stamps, such as raw H.264, has the same stamp everywhere.
        self.seconds = since if since > self.seconds else self.seconds + self._usual
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
    """Pictures per second, from the stamps of the first LOOKED_AT; used as the rate of a video made from this one.

    Raises:
        FilmError: as `stamps_of`.
    """
    stamps = stamps_of(path, LOOKED_AT)
    if len(stamps) < 2:
        return ASSUMED_RATE
    return min(max((len(stamps) - 1) / stamps[-1], LOWEST_RATE), HIGHEST_RATE)
