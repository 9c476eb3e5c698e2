"""Webcams and network streams as sources of pictures; their time is the real one."""

from __future__ import annotations

import re

import cv2
import numpy as np

from refseg_ros.media.source import Picture, Source, SourceError

STREAM_PATIENCE = 10
"""Seconds to wait for a network stream, when it opens and for each picture."""


class Live(Source):
    """A webcam or a network stream; its pictures come in real time, whatever the reader asks for."""

    def __init__(self, name: str | int, opened: cv2.VideoCapture, why: str) -> None:
        """Take over a capture of OpenCV.

        Args:
            name: of the camera, for error messages.
            opened: the capture; opening it may have failed.
            why: hint for the user in case it failed.

        Raises:
            SourceError: the capture is not open.
        """
        self._name, self._capture = name, opened
        if not opened.isOpened():
            opened.release()
            raise SourceError(f"{name} does not open; {why}")
        opened.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    def read(self, elapsed: float, *, depth: bool = False) -> Picture:
        """Wait for the next picture."""
        good, pixels = self._capture.read()
        if not good:
            raise SourceError(f"{self._name} gives no more pictures")
        return Picture(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8))

    def close(self) -> None:
        """See `Source.close`."""
        self._capture.release()


def open_webcam(number: int, width: int, height: int) -> Live:
    """Open a camera of this machine by number, because not every build of OpenCV opens one by device name.

    Raises:
        SourceError: the camera does not open.
    """
    capture = cv2.VideoCapture(number)
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
    return Live(f"webcam {number}", capture, f"is /dev/video{number} there, free and permitted?")


def open_stream(url: str) -> Live:
    """Open a network stream that FFmpeg can read.

    Raises:
        SourceError: the stream does not open within STREAM_PATIENCE.
    """
    limits = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, cv2.CAP_PROP_READ_TIMEOUT_MSEC)
    patience = [value for limit in limits for value in (limit, STREAM_PATIENCE * 1000)]
    capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, patience)
    shown = re.sub(r"//[^/@]*@", "//...@", url)  # without the password
    return Live(f"stream {ascii(shown)}", capture, "is its server up, and does it offer that stream?")
