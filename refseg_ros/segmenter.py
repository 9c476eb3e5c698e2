"""The entry point of the library: frames (NumPy) and expressions in, answers out. Without ROS."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from refseg_ros.answer import Answer, conclude, not_understood
from refseg_ros.config import SegmenterConfig
from refseg_ros.engines.bundle import DEFAULT, Bundle
from refseg_ros.engines.choice import choose_engines
from refseg_ros.engines.frame_buffer import FrameBuffer, check_stamp
from refseg_ros.engines.manifest import Thresholds
from refseg_ros.engines.network import Arrays, Network, Outcome
from refseg_ros.geometry import Letterbox, check_image
from refseg_ros.outlines import GuidedFilter


class Segmenter:
    """A model that is loaded and ready. One segmenter serves any number of images, cameras and threads.

        segmenter = Segmenter()
        answer = segmenter.segment(image, "the red mug")

    Attributes:
        manifest: what the bundle says about the model.
        tokenizer: turns an expression into ids, and says which words the model does not know.
        config: the settings.
        thresholds: probabilities that decide verdict and mask; may be set at any time, for the next answers.
        runtime: in one line, what the network runs on, and why on nothing faster.
    """

    def __init__(
        self, model: str | Path = SegmenterConfig.model, *, thresholds: Thresholds | None = None, **settings: Any
    ) -> None:
        """Load a model bundle and run it once.

        Args:
            model: as in `SegmenterConfig`.
            thresholds: None for those of the bundle.
            settings: the other fields of `SegmenterConfig`, by name.

        Raises:
            BundleError: the bundle is missing or not fit for use; one line says which file, why and what to do.
            ValueError: a setting is out of its range.
        """
        self.config = SegmenterConfig(str(model), **settings)
        bundle = Bundle.load(self.config.model or DEFAULT)
        self.manifest = bundle.manifest
        self.thresholds = thresholds or bundle.manifest.thresholds
        self.tokenizer = bundle.tokenizer()
        ids = len(self.tokenizer)
        choice = choose_engines(
            bundle,
            lambda engines, at_once: Network(engines, bundle.manifest, ids, at_once),
            threads=self.config.threads,
            device=self.config.device,
            engine=self.config.engine,
        )
        self.network, self.runtime = choice.accepted, choice.line

    def segment(self, image: np.ndarray, text: str) -> Answer:
        """Find what `text` names in a still image, (H, W, 3) uint8 RGB.

        Raises:
            ValueError: this is no such image, or a side is out of range.
            EngineError: the runtime failed.
        """
        stream = self.stream()
        stream.observe(image, 0.0)
        return stream.answer([text])[0]

    def stream(self) -> Stream:
        """Begin a camera's stream; it has its own past and shares the model."""
        return Stream(self)

    def observe(self, streams: Sequence[Stream], images: Sequence[np.ndarray], stamps: Sequence[float]) -> None:
        """Take the next frame of each of several cameras, all encoded in one batch.

        Args:
            streams: of this segmenter.
            images: one for each stream, as `Stream.observe` takes them; their sizes may differ.
            stamps: one for each stream.

        Raises:
            ValueError: as `Stream.observe`. None of the frames was taken.
            EngineError: the network failed. All of the frames are lost.
        """
        for stamp in stamps:
            check_stamp(stamp)
        whole = list(zip(streams, self.encode(images), stamps, strict=True))
        for stream, frame, stamp in whole:
            stream.take(frame, stamp)

    def encode(self, images: Sequence[np.ndarray]) -> list[EncodedFrame]:
        """Encode images in one batch; no stream has taken them yet.

        Raises:
            ValueError: one is no (H, W, 3) uint8 image, or a side is out of range.
            EngineError: the network failed.
        """
        for image in images:
            check_image(image, self.config.maximum_side)
        size, watch = self.manifest.input, Stopwatch()
        with watch.step("letterbox"):
            sides = [image.shape[:2] for image in images]
            letterboxes = [Letterbox.fit(height, width, size.height, size.width) for height, width in sides]
            inputs = np.stack([box.apply(image, size.padding) for box, image in zip(letterboxes, images, strict=True)])
        with watch.step("encode"):
            encodings = self.network.encode(inputs)
        return [EncodedFrame(*parts, watch.spent) for parts in zip(letterboxes, inputs, encodings, strict=True)]


class EncodedFrame(NamedTuple):
    """A frame of a camera, encoded."""

    letterbox: Letterbox
    input: np.ndarray
    """(height, width, 3) uint8 RGB: what the network saw."""
    encoding: Arrays
    """As `Network.encode` gives it."""
    spent: dict[str, float]
    """Seconds of each step so far."""


class Stream:
    """One camera: its newest frame and the past that goes with it. For one thread at a time.

    Attributes:
        watch: how long each step took for the newest frame.
    """

    def __init__(self, segmenter: Segmenter) -> None:
        """Begin without a frame. Make streams with `Segmenter.stream`."""
        self.watch = Stopwatch()
        self._segmenter = segmenter
        clip = segmenter.manifest.clip
        frames = FrameBuffer(clip.length, clip.interval, segmenter.config.maximum_gap)
        self._memory = segmenter.network.memory(frames)
        self._arrays: Arrays = {}
        self._frame: EncodedFrame | None = None
        self._query = _Query(segmenter, ())

    def observe(self, image: np.ndarray, stamp: float) -> None:
        """Take the camera's next frame.

        Args:
            image: (H, W, 3) uint8 RGB; the size may change from frame to frame.
            stamp: when it was taken, in seconds on any clock. A clock that jumps begins a new clip.

        Raises:
            ValueError: this is no such image, a side is out of range, or the stamp is not finite. The frame is lost.
            EngineError: the network failed. The frame is lost.
        """
        check_stamp(stamp)
        self.take(self._segmenter.encode([image])[0], stamp)

    def take(self, frame: EncodedFrame, stamp: float) -> None:
        """Take the camera's next frame, encoded by this stream's segmenter; otherwise as `observe`.

        Raises:
            ValueError: the stamp is not finite. The frame is lost.
            EngineError: the network failed. The frame is lost, and the past with it.
        """
        self.watch.spent = dict(frame.spent)
        with self.watch.step("clip"):
            arrays = self._segmenter.network.look_back(frame.encoding, self._memory, stamp)
        self._frame, self._arrays = frame, arrays

    @property
    def letterbox(self) -> Letterbox:
        """How the newest frame was laid into the network's input.

        Raises:
            ValueError: no frame was observed yet.
        """
        return self._newest.letterbox

    def answer(self, texts: Sequence[str]) -> list[Answer]:
        """Find what each expression names in the newest frame; encoded expressions are kept until they change.

        Raises:
            ValueError: no frame was observed yet.
            EngineError: the network failed.
        """
        letterbox, outcomes, model = self.letterbox, self.outcomes(texts), self._segmenter
        if model.config.outlines == "guided" and any(outcomes):
            with self.watch.step("outline"):
                guided = GuidedFilter(self._newest.input)
                outcomes = [found and found._replace(logits=guided.refine(found.logits)) for found in outcomes]
        with self.watch.step("conclude"):
            return [
                conclude(text, tokens, outcome, letterbox, model.thresholds, model.manifest.certainty)
                if outcome and tokens.understood
                else not_understood(text, tokens, letterbox, model.network.levels)
                for text, tokens, outcome in zip(texts, self._query.tokens, outcomes, strict=True)
            ]

    def outcomes(self, texts: Sequence[str]) -> list[Outcome | None]:
        """The network's own output for each expression on the newest frame, before outlines and verdicts.

        Returns:
            An outcome for each expression; None for one that is not readable (`Tokens.readable`). If its noun is
            unknown, benchmarks score the outcome, but `answer` does not use it.

        Raises:
            ValueError: no frame was observed yet.
            EngineError: the network failed.
        """
        _ = self._newest
        if self._query.texts != tuple(texts):
            with self.watch.step("text"):
                self._query = _Query(self._segmenter, tuple(texts))
        query = self._query
        with self.watch.step("fuse"):
            fused = iter(self._segmenter.network.answer(self._arrays, query.arrays) if query.arrays else [])
        return [next(fused) if tokens.readable else None for tokens in query.tokens]

    @property
    def _newest(self) -> EncodedFrame:
        if self._frame is None:
            raise ValueError("there is no frame to answer on: observe one first")
        return self._frame


class _Query:
    """Some expressions, encoded once: `arrays` have a row for each readable one, and are empty if none is."""

    def __init__(self, segmenter: Segmenter, texts: tuple[str, ...]) -> None:
        length = segmenter.manifest.text.length
        self.texts = texts
        self.tokens = [segmenter.tokenizer.encode(text, length) for text in texts]
        ids = [tokens.ids for tokens in self.tokens if tokens.readable]
        self.arrays: Arrays = segmenter.network.read(np.stack(ids)) if ids else {}


class Stopwatch:
    """Seconds spent in each step for the newest frame.

    Attributes:
        spent: step -> seconds, in the order in which the steps were first taken.
    """

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure what is done inside, also when it fails."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.spent[name] = time.perf_counter() - began
