"""The front door of the library: frames and expressions in, answers out. NumPy on both sides, and no ROS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from refseg_ros.answer import Answer, conclude, not_understood
from refseg_ros.config import SegmenterConfig
from refseg_ros.dense_crf import DenseCRF, at_working_size
from refseg_ros.engines.bundle import SHIPPED, Bundle
from refseg_ros.engines.choice import choose_engines
from refseg_ros.engines.contract import Array
from refseg_ros.engines.manifest import CLIP, ENCODER, FUSION
from refseg_ros.engines.network import Encoding, Network
from refseg_ros.errors import EngineError
from refseg_ros.frame_buffer import FrameBuffer, check_stamp
from refseg_ros.geometry import Letterbox, check_image
from refseg_ros.guided_filter import GuidedFilter
from refseg_ros.stopwatch import Stopwatch

REFINEMENTS: dict[str, type[GuidedFilter] | type[DenseCRF]] = {"guided": GuidedFilter, "dense_crf": DenseCRF}
"""What draws a mask's outlines to the edges of an image, by the setting `outlines`."""


class Segmenter:
    """A model that is loaded and ready. One serves any number of images, cameras and threads.

        segmenter = Segmenter()
        answer = segmenter.segment(image, "the red mug")

    Attributes:
        manifest: what the bundle says of the model.
        vocabulary: the words that it knows.
        config: the settings.
        runtime: in one line, what the network runs on, and why on nothing faster.
    """

    def __init__(
        self,
        model: str | Path = SegmenterConfig.model,
        *,
        threads: int = SegmenterConfig.threads,
        maximum_side: int = SegmenterConfig.maximum_side,
        maximum_gap: float = SegmenterConfig.maximum_gap,
        outlines: str = SegmenterConfig.outlines,
        device: str = SegmenterConfig.device,
        engine: str = SegmenterConfig.engine,
    ) -> None:
        """Load a model bundle and run it once; `SegmenterConfig` says what the settings are.

        Raises:
            BundleError: the bundle is missing or not fit for use; one line says which file, why and what to do.
            ValueError: a setting is out of its range.
        """
        self.config = SegmenterConfig(str(model), threads, maximum_side, maximum_gap, outlines, device, engine)
        bundle = Bundle.load(self.config.model or SHIPPED)
        self.manifest = bundle.manifest
        self.vocabulary = bundle.vocabulary()
        words = len(self.vocabulary)
        choice = choose_engines(
            bundle,
            lambda engines: Network(engines[ENCODER], engines.get(CLIP), engines[FUSION], bundle.manifest, words),
            threads=threads,
            device=device,
            engine=engine,
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
        """Begin a camera's stream: it has a past of its own, the model is shared."""
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
        size = self.manifest.input
        for _, image, stamp in zip(streams, images, stamps, strict=True):
            check_image(image, self.config.maximum_side)
            check_stamp(stamp)
        watch = Stopwatch()
        with watch.step("letterbox"):
            sides = [image.shape for image in images]
            letterboxes = [Letterbox.fit(height, width, size.height, size.width) for height, width, _ in sides]
            inputs = np.stack([box.apply(image) for box, image in zip(letterboxes, images, strict=True)])
        with watch.step("encode"):
            encodings = self.network.encode(inputs)
        finely = self.config.outlines == "dense_crf"
        for index, (stream, letterbox, stamp) in enumerate(zip(streams, letterboxes, stamps, strict=True)):
            guide = at_working_size(images[index], letterbox) if finely else inputs[index]
            stream.watch.spent = dict(watch.spent)
            stream.take(letterbox, guide, encodings[index], stamp)


class Stream:
    """One camera: its newest frame and the past that goes with it. For one thread at a time.

    Attributes:
        watch: what each step of the newest frame's way took.
    """

    def __init__(self, segmenter: Segmenter) -> None:
        """Begin without a frame; `Segmenter.stream` is the way to make one."""
        self.watch = Stopwatch()
        self._segmenter = segmenter
        clip = segmenter.manifest.clip
        frames = FrameBuffer(clip.length, clip.interval, segmenter.config.maximum_gap)
        self._memory = segmenter.network.memory(frames)
        self._features: dict[str, Array] = {}
        self._letterbox: Letterbox | None = None
        self._guide = np.zeros((0, 0, 3), np.uint8)
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
        self._segmenter.observe([self], [image], [stamp])

    def take(self, letterbox: Letterbox, guide: np.ndarray, encoding: Encoding, stamp: float) -> None:
        """Take the camera's next frame, encoded, and (H, W, 3) uint8 RGB to the edges of which masks are drawn;
        `Segmenter.observe` calls it.

        Raises:
            EngineError: the clip failed. The frame is lost, and the past with it.
        """
        with self.watch.step("clip"):
            past = self._memory.admit(stamp, encoding.ring)
            try:
                recall = self._segmenter.network.recall(encoding, past)
            except EngineError:
                self._memory.clear()
                raise
            self._memory.keep(recall.pairs)
        self._letterbox, self._features, self._guide = letterbox, recall.features, guide

    def answer(self, texts: Sequence[str]) -> list[Answer]:
        """Find what each expression names in the newest frame; word ids are kept until the expressions change.

        Raises:
            ValueError: no frame was observed yet.
            EngineError: the fusion failed.
        """
        letterbox = self._letterbox
        if letterbox is None:
            raise ValueError("there is no frame to answer on: observe one first")
        if self._query.texts != tuple(texts):
            self._query = _Query(self._segmenter, tuple(texts))
        query, network = self._query, self._segmenter.network
        thresholds = self._segmenter.manifest.thresholds
        with self.watch.step("fuse"):
            fused = network.fuse(self._features, query.ids) if len(query.ids) else []
        method = REFINEMENTS.get(self._segmenter.config.outlines)
        if method is not None and fused:
            with self.watch.step("outline"):
                refinement = method(self._guide)
                fused = [outcome._replace(logits=refinement.refine(outcome.logits)) for outcome in fused]
        outcomes = iter(fused)
        with self.watch.step("conclude"):
            return [
                conclude(text, encoded, next(outcomes), letterbox, thresholds)
                if encoded.understood
                else not_understood(text, encoded, letterbox, network.levels)
                for text, encoded in zip(query.texts, query.encoded, strict=True)
            ]


class _Query:
    """Some expressions, encoded once: `ids` has a row for each one that is understood."""

    def __init__(self, segmenter: Segmenter, texts: tuple[str, ...]) -> None:
        limit = segmenter.manifest.max_words
        self.texts = texts
        self.encoded = [segmenter.vocabulary.encode(text, limit) for text in texts]
        self.ids = np.array([encoded.ids for encoded in self.encoded if encoded.understood], np.int64)
