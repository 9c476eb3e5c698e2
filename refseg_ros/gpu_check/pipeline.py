"""Runs a clip through all graphs of a bundle on any runtime, and compares two runtimes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import cv2
import numpy as np

from refseg_ros.engines.bundle import Bundle
from refseg_ros.engines.contract import Engine
from refseg_ros.engines.cuda import Gpu
from refseg_ros.engines.frame_buffer import FrameBuffer
from refseg_ros.engines.network import Network, Outcome

QUERIES = 2


def network_of(bundle: Bundle, engines: Mapping[str, Engine]) -> Network:
    """The network that engines make; it runs once, errors as `Network`."""
    return Network(engines, bundle.manifest, len(bundle.tokenizer()))


def frames_of(bundle: Bundle, count: int) -> np.ndarray:
    """(count, height, width, 3) uint8 RGB: blobs that drift, the same ones at each call."""
    size = bundle.manifest.input
    ends = np.random.default_rng(0).integers(0, 256, (2, 6, 8, 3)).astype(np.float32)
    blobs = [cv2.resize(end, (size.width, size.height), interpolation=cv2.INTER_LINEAR) for end in ends]
    shares = np.linspace(0.0, 1.0, count, dtype=np.float32)
    return np.stack([(1 - share) * blobs[0] + share * blobs[1] for share in shares]).astype(np.uint8)


class Clip:
    """One camera's stream through a network, frame by frame."""

    def __init__(self, bundle: Bundle, network: Network) -> None:
        clip, ids = bundle.manifest.clip, len(bundle.tokenizer())
        self._network = network
        self._memory = network.memory(FrameBuffer(clip.length, clip.interval, 2 * clip.interval))
        words = np.random.default_rng(1).integers(1, ids, (QUERIES, bundle.manifest.text.length), np.int64)
        self._query = network.read(words)

    def answer(self, frame: np.ndarray, stamp: float) -> list[Outcome]:
        """The outcome of each query on the next frame, (height, width, 3) uint8 RGB."""
        (encoding,) = self._network.encode(frame[None])
        return self._network.answer(self._network.look_back(encoding, self._memory, stamp), self._query)


def difference(bundle: Bundle, network: Network, reference: Network, count: int) -> float:
    """Difference of two networks' logits on a clip, as a share of the reference's norm; the largest of all frames.

    Raises:
        EngineError: one of them failed.
    """
    ours, theirs, interval = Clip(bundle, network), Clip(bundle, reference), bundle.manifest.clip.interval
    shares = []
    for index, frame in enumerate(frames_of(bundle, count)):
        pair = (clip.answer(frame, index * interval) for clip in (ours, theirs))
        got, expected = (np.stack([outcome.logits for outcome in outcomes]).astype(np.float64) for outcomes in pair)
        shares.append(float(np.linalg.norm(got - expected) / max(np.linalg.norm(expected), 1e-6)))
    return max(shares)


@contextmanager
def counted_copies(gpu: Gpu) -> Iterator[Counter[str]]:
    """Count the copies from host to GPU ("up") and back ("down")."""
    copies: Counter[str] = Counter()
    copy = gpu.copy

    def counting(target: int | np.ndarray, source: int | np.ndarray, size: int) -> None:
        if isinstance(target, np.ndarray):
            copies["down"] += 1
        elif isinstance(source, np.ndarray):
            copies["up"] += 1
        copy(target, source, size)

    gpu.copy = counting  # type: ignore[method-assign]
    try:
        yield copies
    finally:
        del gpu.copy
