"""The loaded model, which is loaded again when its runtime has broken down."""

from __future__ import annotations

import dataclasses
import gc
import math
import time
from collections.abc import Callable

from refseg_ros.errors import EngineError
from refseg_ros.segmenter import Segmenter, Stream

FAILURES = 5
"""Images lost in the network in a row after which something is wrong with it, and it is loaded again."""
LONGEST_PAUSE = 60.0
"""Seconds from one loading in vain to the next, at most; it is 1 at first and doubles each time."""


class Model:
    """A model for the thread that computes; other threads only read.

    Attributes:
        segmenter: it; None before it was loaded, while it is loaded again, and when that failed.
        loads: how often it was loaded.
        name: of the model.
        runtime: in one line, what it runs on, and why on nothing faster; empty where it was not loaded.
        interval: seconds from one frame of its clip to the next.
        trouble: what is wrong with it, in one line; empty where nothing is known to be.
    """

    def __init__(self, load: Callable[[], Segmenter], tell: Callable[[str], object]) -> None:
        """Begin without one; `load` gives it, `tell` logs that it is loaded again."""
        self._load, self._tell = load, tell
        self.segmenter: Segmenter | None = None
        self.loads = 0
        self.name = self.runtime = self.trouble = ""
        self.interval = 0.0
        self._threshold = 0.0
        self._failures = 0
        self._reason = ""
        self._pause, self._due = 1.0, -math.inf

    def load(self) -> None:
        """Load it.

        Raises:
            BundleError: the bundle is refused.
        """
        segmenter = self._load()
        self._own_presence = segmenter.manifest.thresholds.presence
        self.loads += 1
        self.name, self.runtime = segmenter.manifest.name, segmenter.runtime
        self.interval = segmenter.manifest.clip.interval
        self.segmenter = segmenter
        self.set_threshold(self._threshold)

    def set_threshold(self, threshold: float) -> None:
        """Have things found from this probability on, or from the model's own where it is 0."""
        self._threshold = threshold
        if self.segmenter is not None:
            manifest = self.segmenter.manifest
            thresholds = dataclasses.replace(manifest.thresholds, presence=threshold or self._own_presence)
            self.segmenter.manifest = dataclasses.replace(manifest, thresholds=thresholds)

    def stream(self) -> Stream:
        """A new stream of images.

        Raises:
            EngineError: there is no model at the moment.
        """
        if self.segmenter is None:
            raise EngineError(self.trouble)
        return self.segmenter.stream()

    def worked(self) -> None:
        """An image was answered."""
        self._failures, self._pause, self._due, self.trouble = 0, 1.0, -math.inf, ""

    def failed(self, reason: str) -> None:
        """An image was lost in the network."""
        self._failures += 1
        self._reason = reason

    def mend(self, let_go: Callable[[], None]) -> None:
        """Load it again, if the last FAILURES images were lost and the last time is long enough ago.

        What holds memory of the old one has to be let go of before: of a GPU there may be too little for two.
        """
        if self._failures < FAILURES or time.monotonic() < self._due:
            return
        self.trouble = f"the network is loaded again, for {self._failures} images in a row were lost: {self._reason}"
        self._tell(self.trouble)
        let_go()
        self.segmenter = None
        gc.collect()
        try:
            self.load()
            self.trouble = f"{self.trouble}; none was answered since"
        except Exception as error:  # of a driver or a file, whatever it is
            self.trouble = f"the network cannot be loaded again: {error}"
            self._tell(self.trouble)
        self._failures = 0
        self._due, self._pause = time.monotonic() + self._pause, min(2.0 * self._pause, LONGEST_PAUSE)
