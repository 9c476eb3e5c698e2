"""What all browsers and the robot share: cameras, queries, diagnostics, corrections. ROS writes, pages read.

What ROS writes is replaced as a whole, never changed, so that a page may walk over it at any time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from typing import Protocol

import numpy as np
import numpy.typing as npt

from refseg_ros.answer import Answer
from refseg_ros.expression import MAX_CHARACTERS
from refseg_ros.text import transportable
from refseg_ros.web.cloud import Cloud
from refseg_ros.web.diagnosis import Diagnosis
from refseg_ros.web.drawing import CORRECTION, jpeg, marks, paint, picture
from refseg_ros.web.lessons import Lessons
from refseg_ros.web.moment import Moment
from refseg_ros.web.stream import Stream
from refseg_ros.web.truth import Truth

MOST_ASKED = 12
"""Most queries in the history."""


class Robot(Protocol):
    """What the page asks of the node. Each may be called in any thread, and only `cloud` may take long."""

    def ask(self, text: str) -> None:
        """Publish a query."""

    def has_scenes(self, camera: str) -> bool:
        """Whether there is a camera node that takes `show_scene` and `set_moving`."""

    def show_scene(self, camera: str, seed: int) -> None:
        """Have a simulated camera show the scene of a seed."""

    def set_moving(self, camera: str, moving: bool) -> None:
        """Have things move on a simulated table, or rest."""

    def proposals(self, rgb: npt.NDArray[np.uint8], text: str) -> Future[list[Answer]]:
        """Answers to a query on one image, (H, W, 3) RGB, from the service segment_image."""

    def cloud(self, camera: str, moment: Moment) -> Cloud | None:
        """What a camera sees in space; call it in its own thread. None without depth."""

    def now(self) -> float:
        """Seconds on the node's clock."""


class Viewer:
    """What one browser looks at.

    Attributes:
        camera: the one that is shown.
        shown: the moment that is on the screen.
        page_age: age of the image when the browser had drawn it, seconds.
        paused: the picture stands still.
        with_truth: the picture names what is truly there.
        with_space: the view in space is shown, too.
        correcting: the draft of the lessons is shown instead of the camera.
    """

    def __init__(self, hub: Hub) -> None:
        """Look at the first camera."""
        self._hub = hub
        self.camera = next(iter(hub.streams))
        self.shown: Moment | None = None
        self.page_age = 0.0
        self.paused = self.with_truth = self.with_space = self.correcting = False
        self._sent: object = None
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def wake(self) -> None:
        """Say that there may be something new to see; from any thread."""
        self._loop.call_soon_threadsafe(self._changed.set)

    def look_again(self) -> None:
        """Send the picture again, drawn anew."""
        self._sent = None
        self._changed.set()

    async def next(self, patience: float) -> tuple[dict[str, object], bytes] | None:
        """What to show next: a head for JSON, and a JPEG; None when nothing new came within `patience` seconds."""
        picture = self._picture()
        if picture is None:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), patience)
            except asyncio.TimeoutError:
                return None
            picture = self._picture()
        return None if picture is None else await asyncio.to_thread(picture)

    def _picture(self) -> Callable[[], tuple[dict[str, object], bytes]] | None:
        """How to make the next picture; None where there is nothing new."""
        draft = self._hub.lessons.draft
        if self.correcting and draft is not None:
            if self._sent is draft.mask:
                return None
            self._sent = draft.mask
            return lambda: _correction(draft.rgb, draft.mask)
        newest = self._hub.streams[self.camera].newest
        moment = self.shown if self.paused and self.shown is not None else newest
        if moment is None or moment is self._sent:
            return None
        self._sent = self.shown = moment
        things = self._hub.truths[self.camera].things(moment.stamp) if self.with_truth else ()
        return lambda: ({"stamp": str(moment.stamp), "marks": marks(moment, things)}, picture(moment))


class Hub:
    """The state that everybody sees.

    Attributes:
        streams: of each camera, by its name.
        truths: of each camera, where it is simulated.
        vocabulary: words of the model.
        connections: connection for pictures -> its viewer. A browser that lost one opens the next before the loss is
            noticed, so it may have several.
        asked: the last query on the topic.
        history: the last queries, the newest first.
    """

    def __init__(self, cameras: Sequence[str], vocabulary: Collection[str], diagnosis: Diagnosis, lessons: Lessons):
        """Begin with nothing seen; `cameras` are names; the name of a single camera may be empty."""
        self.streams = {name: Stream() for name in cameras}
        self.truths = {name: Truth() for name in cameras}
        self.vocabulary = vocabulary
        self.diagnosis = diagnosis
        self.lessons = lessons
        self.connections: dict[object, Viewer] = {}
        self.asked = ""
        self.history: tuple[str, ...] = ()

    @property
    def viewers(self) -> tuple[Viewer, ...]:
        """The viewers of all open pages; may be read in any thread."""
        return tuple(self.connections.values())

    def note_query(self, text: str) -> None:
        """Take a query that a browser or a program has asked."""
        text = transportable(text.strip(), MAX_CHARACTERS)
        self.asked = text
        if text:
            self.history = (text, *(other for other in self.history if other != text))[:MOST_ASKED]
        else:
            for stream in self.streams.values():
                stream.expect_nothing()

    def wake(self, camera: str) -> None:
        """Tell those who look at a camera that there is something new."""
        for viewer in self.viewers:
            if viewer.camera == camera:
                viewer.wake()


def _correction(rgb: npt.NDArray[np.uint8], mask: npt.NDArray[np.uint8]) -> tuple[dict[str, object], bytes]:
    canvas = rgb.copy()
    paint(canvas, mask, CORRECTION)
    return {"stamp": "0", "marks": []}, jpeg(canvas)
