"""Webcams and network streams as sources of pictures; their time is the real one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

import cv2
import numpy as np

from refseg_ros.media.source import Picture, Source, SourceError
from refseg_ros.text import without_password

STREAM_PATIENCE = 10
"""Seconds to wait for a network stream, when it opens and for each picture."""
PATIENCE = 1.0
"""Seconds to wait for a picture on its way when a live source is closed; a slower one is abandoned."""

MOST_DAMAGED = 30
"""After so many damaged pictures in a row a source is given up; OpenCV cannot tell them from the end."""


class _Patience:
    """Bears that single pictures are damaged, as webcams and networks do it, but not for long."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """A picture came."""
        self._damaged, self._since = 0, time.monotonic()

    def ends(self) -> bool:
        """No picture came; True if it is the last straw. One that took STREAM_PATIENCE will not come."""
        self._damaged += 1
        return self._damaged >= MOST_DAMAGED or time.monotonic() - self._since >= STREAM_PATIENCE


class Live(Source):
    """A webcam or a network stream; its pictures come in real time, whatever the reader asks for.

    A thread grabs each picture as it comes, and decodes only those that are asked for. A picture that nobody grabs
    waits in the queues of driver, FFmpeg and network, and is seconds old when its turn comes.
    """

    def __init__(self, name: str, capture: cv2.VideoCapture, now: Callable[[], float]) -> None:
        """Take over an open capture of OpenCV.

        Args:
            name: of the camera, for error messages.
            capture: the thread releases it when it ends.
            now: clock of the moments, in seconds; called in the thread.
        """
        self._name, self._capture, self._now = name, capture, now
        self._lock = threading.Lock()
        self._next: Future[tuple[Picture, float]] = Future()
        self._is_asked = self._is_over = False
        self._thread = threading.Thread(target=self._grab, name="grab")
        self._thread.start()

    def ask(self) -> Future[tuple[Picture, float]]:
        """Ask for the next picture that comes.

        Returns:
            A future of the picture and the moment of its grab, or of SourceError if the camera gives no more. Its
            callbacks run in another thread, or at once.
        """
        with self._lock:
            self._is_asked = True
            return self._next

    def read(self, elapsed: float, *, depth: bool = False) -> Picture:
        """Wait for the next picture that comes."""
        return self.ask().result()[0]

    def close(self) -> bool:
        """See `Source.close`; waits PATIENCE for a picture on its way."""
        self._end()
        self._thread.join(PATIENCE)
        return not self._thread.is_alive()

    def _grab(self) -> None:
        patience = _Patience()
        try:
            # Python waits for its threads at exit, so a source that nobody closed must end with the main thread. A
            # daemon thread would die inside OpenCV, whose C++ code then aborts the process.
            while not self._is_over and threading.main_thread().is_alive():
                if self._capture.grab() and (not self._is_asked or self._give(self._now())):
                    patience.renew()
                elif patience.ends():
                    break
        finally:
            self._capture.release()
            self._end()

    def _give(self, moment: float) -> bool:
        """Give the last picture to whoever asked; False if it is damaged."""
        picture = _decoded(self._capture)
        if picture is None:
            return False
        with self._lock:
            if self._is_over:
                return True
            given, self._next, self._is_asked = self._next, Future(), False
        given.set_result((picture, moment))
        return True

    def _end(self) -> None:
        with self._lock:
            was_over, self._is_over = self._is_over, True
        if not was_over:
            self._next.set_exception(SourceError(f"{self._name} gives no more pictures"))


class ServedFilm(Source):
    """A film on a server, which waits for its reader; no picture is skipped."""

    def __init__(self, name: str, capture: cv2.VideoCapture) -> None:
        """As `Live`, but without a clock."""
        self._name, self._capture = name, capture

    def read(self, elapsed: float, *, depth: bool = False) -> Picture:
        """Wait for the next picture that is not damaged."""
        patience = _Patience()
        while True:
            if self._capture.grab() and (picture := _decoded(self._capture)):
                return picture
            if patience.ends():
                raise SourceError(f"{self._name} gives no more pictures")

    def close(self) -> bool:
        """See `Source.close`."""
        self._capture.release()
        return True


def open_webcam(number: int, width: int, height: int, now: Callable[[], float]) -> Live:
    """Open a camera of this machine by number, because not every build of OpenCV opens one by device name.

    Args:
        number: N of /dev/videoN.
        width: to request, in pixels.
        height: as `width`.
        now: as for `Live`.

    Raises:
        SourceError: the camera does not open.
    """
    capture = cv2.VideoCapture(number)
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    name = f"webcam {number}"
    _check(name, capture, f"is /dev/video{number} there, free and permitted?")
    return Live(name, capture, now)


def open_stream(url: str, now: Callable[[], float]) -> Live | ServedFilm:
    """Open a network stream that FFmpeg can read.

    Args:
        url: of a live stream, or of a film, which has a known length; rtsp:// sends a film in real time, too.
        now: as for `Live`.

    Raises:
        SourceError: the stream does not open within STREAM_PATIENCE.
    """
    limits = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, cv2.CAP_PROP_READ_TIMEOUT_MSEC)
    patience = [value for limit in limits for value in (limit, STREAM_PATIENCE * 1000)]
    capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, patience)
    name = f"stream {ascii(without_password(url))}"
    _check(name, capture, "is its server up, and does it offer that stream?")
    if capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0 and not url.lower().startswith("rtsp"):
        return ServedFilm(name, capture)
    return Live(name, capture, now)


def _check(name: str, capture: cv2.VideoCapture, why: str) -> None:
    """Raise SourceError with a hint for the user if a capture is not open."""
    if not capture.isOpened():
        capture.release()
        raise SourceError(f"{name} does not open; {why}")


def _decoded(capture: cv2.VideoCapture) -> Picture | None:
    """The picture that was grabbed; None if it is damaged, which some of OpenCV's readers do not say."""
    good, bgr = capture.retrieve()
    if not good or bgr is None or not bgr.size:
        return None
    return Picture(np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8))
