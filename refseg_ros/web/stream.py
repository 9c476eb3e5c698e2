"""One camera's images and answers, paired by stamp: an answer is only ever shown on the image that it is about."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from refseg_ros.space.pairing import StampedBuffer
from refseg_ros.web.moment import Moment, Sighting

QUIET = 3.0
"""Seconds without an answer until images are shown without answers; masks must not flicker if answers are slow."""
FEWEST, WINDOW = 4, 20
"""Moments over which the rate is measured, at least and at most."""


class Stream:
    """One camera's stream. One thread puts images and answers in; any thread may read `newest`.

    Attributes:
        newest: what to show; None until an image came.
        rate: moments with answers per second, 0 until FEWEST came.
        heard: `time.monotonic` of the last image, -inf before the first.
    """

    def __init__(self) -> None:
        self.newest: Moment | None = None
        self.rate = 0.0
        self.heard = -float("inf")
        self._images: StampedBuffer[Moment] = StampedBuffer(0.0)
        self._gathered: dict[int, Sighting] = {}
        self._stamp: int | None = None
        """Stamp of the image that answers are gathered for."""
        self._expected = 1
        """How many answers to wait for, from the image before."""
        self._answered: list[float] = []
        self._past = -1
        """Stamp of the last image before the query was cleared; answers on images up to it are too late."""

    def put_image(self, stamp: int, frame_id: str, rgb: npt.NDArray[np.uint8]) -> bool:
        """Keep an image; return whether there is something new to show."""
        self.heard = time.monotonic()
        self._images.put(stamp, Moment(stamp, frame_id, rgb))
        self._past = min(self._past, stamp - 1)  # where the clock jumped back
        if stamp == self._stamp and self._gathered:  # its answers came first
            return self._show()
        if self._answered and self.heard - self._answered[-1] < QUIET:
            return False
        self._show_images()
        self.newest = Moment(stamp, frame_id, rgb)
        return True

    def expect_nothing(self) -> None:
        """Show images as they come, because the query was cleared."""
        last = self._images.newest(lambda moment: True)
        self._past = -1 if last is None else last.stamp
        self._show_images()

    def _show_images(self) -> None:
        self._answered.clear()
        self.rate = 0.0

    def put_sighting(self, stamp: int, sighting: Sighting) -> bool:
        """Add an answer to its image; return whether there is something new to show.

        The answers on an image come one by one. To avoid flicker, they are shown together as soon as there are as many
        as on the image before.
        """
        if stamp <= self._past:
            return False
        if stamp != self._stamp:
            self._expected = max(1, len(self._gathered))
            self._stamp, self._gathered = stamp, {}
            now = time.monotonic()
            self._answered = [*self._answered[-WINDOW:], now]
            if len(self._answered) >= FEWEST:
                self.rate = (len(self._answered) - 1) / max(now - self._answered[0], 1e-9)
        self._gathered[sighting.query_id] = sighting
        return len(self._gathered) >= self._expected and self._show()

    def _show(self) -> bool:
        image = None if self._stamp is None else self._images.at(self._stamp)
        if image is None:
            return False
        sightings = tuple(self._gathered[number] for number in sorted(self._gathered))
        self.newest = Moment(image.stamp, image.frame_id, image.rgb, sightings)
        return True
