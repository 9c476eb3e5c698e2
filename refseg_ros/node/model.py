"""The loaded model and what it remembers of each camera; it is loaded again when its runtime has broken down."""

from __future__ import annotations

import dataclasses
import gc
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from refseg_ros.answer import Answer
from refseg_ros.errors import EngineError
from refseg_ros.images.messages import ImageError
from refseg_ros.node.freshness import RateLimit
from refseg_ros.node.stability import Stability
from refseg_ros.segmenter import Segmenter, Stream

FAILURES = 5
"""If a part of the neural network fails on so many images in a row, it is considered broken and loaded again."""
ENCODER, FUSION = "encoder", "fusion"
"""The parts: what looks at every image, and what answers. Without a query the encoder alone runs."""
LONGEST_PAUSE = 60.0
"""Longest pause between two attempts to load, in seconds; the first is 1 s and each is twice the one before."""


class Past:
    """What is kept of a camera's earlier images."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.stability = Stability()
        self.rate_limit = RateLimit()
        self.observed = -math.inf
        """Stamp of the newest image that the network saw, in seconds."""


class Model:
    """A model for the thread that computes; other threads only read, and may call `forget` and `set_threshold`.

    It owns the past of every camera, because that past lies in its memory: when the model is loaded again or `forget`
    is called, the next call of `past` begins a new one.

    Attributes:
        segmenter: the library's model; None before it was loaded, while it is loaded again, and when that failed.
        loads: how often it was loaded.
        name: of the model.
        runtime: in one line, what it runs on, and why on nothing faster; empty before it was loaded.
        interval: seconds from one frame of its clip to the next; infinite if it looks at single images.
        trouble: what is wrong with it, in one line; empty where nothing is known to be.
    """

    def __init__(self, load: Callable[[], Segmenter], log: Callable[[str], object]) -> None:
        """Begin without a model; `load` returns it, `log` takes a line when it is loaded again."""
        self._load, self._log = load, log
        self.segmenter: Segmenter | None = None
        self.loads = 0
        self.name = self.runtime = self.trouble = ""
        self.interval = 0.0
        self._pasts: dict[object, Past] = {}
        self._threshold = 0.0
        self._failures: Counter[str] = Counter()
        """Part -> on how many images in a row it failed."""
        self._suspect = self._reason = ""
        """The part that failed last, and why."""
        self._pause, self._due = 1.0, -math.inf

    def load(self) -> None:
        """Load it.

        Raises:
            BundleError: the bundle is refused.
        """
        segmenter = self._load()
        self.loads += 1
        self.name, self.runtime = segmenter.manifest.name, segmenter.runtime
        clip = segmenter.manifest.clip
        self.interval = clip.interval if clip.length > 1 else math.inf
        self.segmenter = segmenter
        self.set_threshold(self._threshold)

    def set_threshold(self, threshold: float) -> None:
        """Set the least score of a found thing; 0 for the model's own."""
        self._threshold = threshold
        if self.segmenter is not None:
            own = self.segmenter.manifest.thresholds
            found = threshold or own.found
            self.segmenter.thresholds = dataclasses.replace(own, found=found, absent=min(own.absent, found))

    def past(self, owner: object = None) -> Past:
        """The past of `owner`, a camera; a new one that is not kept where there is no owner.

        First the model is loaded again, if a part of it failed on the last FAILURES images and the pause is over.

        Raises:
            EngineError: there is no model at the moment.
        """
        self._reload_if_broken()
        if self.segmenter is None:
            self._failures[self._suspect] += 1
            raise EngineError(self.trouble)
        if owner is None:
            return Past(self.segmenter.stream())
        pasts = self._pasts
        if owner not in pasts:
            pasts[owner] = Past(self.segmenter.stream())
        return pasts[owner]

    def forget(self) -> None:
        """Forget the past of all cameras."""
        self._pasts = {}

    def observe(self, past: Past, image: np.ndarray, stamp: float) -> None:
        """Take an image into the past without an answer.

        Args:
            past: of its camera.
            image: (H, W, 3) uint8 RGB.
            stamp: when it was taken, in seconds.

        Raises:
            ImageError: the image is larger than the model's settings allow.
            EngineError: the runtime failed.
        """
        past.observed = stamp
        with self._counting_failures(ENCODER):
            try:
                past.stream.observe(image, stamp)
            except ValueError as error:
                raise ImageError("size", str(error)) from error

    def answer(self, past: Past, image: np.ndarray, stamp: float, texts: Sequence[str]) -> list[Answer]:
        """Take an image into the past and find what each text names in it; otherwise as `observe`."""
        self.observe(past, image, stamp)
        with self._counting_failures(FUSION):
            return past.stream.answer(texts)

    @contextmanager
    def _counting_failures(self, part: str) -> Iterator[None]:
        try:
            yield
        except EngineError as error:
            self._failures[part] += 1
            self._suspect, self._reason = part, str(error)
            raise
        self._failures[part] = 0
        if part == self._suspect:
            self._suspect = self.trouble = ""
            self._pause, self._due = 1.0, -math.inf

    def _reload_if_broken(self) -> None:
        """Load the model again if it is broken; the old one is freed first, because a GPU may be too small for two."""
        failures = self._failures[self._suspect]
        if failures < FAILURES or time.monotonic() < self._due:
            return
        self.trouble = f"the network is loaded again, for {failures} images in a row were lost: {self._reason}"
        self._log(self.trouble)
        self.forget()
        self.segmenter = None
        gc.collect()
        try:
            self.load()
            self.trouble = f"{self.trouble}; none was answered since"
        except Exception as error:  # whatever a driver or a file raises
            self.trouble = f"the network cannot be loaded again: {error}"
            self._log(self.trouble)
        self._failures.clear()
        self._due, self._pause = time.monotonic() + self._pause, min(2.0 * self._pause, LONGEST_PAUSE)
