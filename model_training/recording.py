"""Records the inputs of a bundle's graphs while it answers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_training.datasets.formats import open_folder
from model_training.datasets.phrase_choice import choose
from model_training.datasets.sample import Reader, Record
from model_training.scoring.scenes import EXPRESSIONS, HEIGHT, WIDTH
from refseg_ros.engines.bundle import Bundle
from refseg_ros.engines.contract import Array
from refseg_ros.engines.frame_buffer import FrameBuffer
from refseg_ros.engines.network import Arrays, Network
from refseg_ros.engines.onnx import OnnxEngine
from refseg_ros.geometry import Letterbox
from refseg_ros.simulation.phrases import phrases
from refseg_ros.simulation.tabletop import Tabletop

CALIBRATION_SEED, CALIBRATION_SCENES = 5_000_000, 96
"""Simulated scenes on which the ranges of activations are measured; neither training nor evaluation uses them. As
many real pictures can replace them.
"""

Asked = tuple[NDArray[np.uint8], list[str]]
"""An image (H, W, 3) RGB, and expressions about it."""


class Recording:
    """An engine that keeps its inputs."""

    def __init__(self, engine: OnnxEngine) -> None:
        self.inputs, self.outputs, self.zeros = engine.inputs, engine.outputs, engine.zeros
        self.engine, self.given = engine, list[Arrays]()

    def run(self, arrays: Mapping[str, Array]) -> Arrays:
        """See Engine."""
        self.given.append(dict(arrays))
        return self.engine.run(arrays)


def calibration(bundle: Bundle, names: Collection[str], folders: Sequence[Path] = ()) -> dict[str, list[Arrays]]:
    """Record the inputs of graphs for frames (each the first of a stream) and expressions about them.

    Args:
        bundle: of the graphs.
        names: the graphs to record; the inputs of the others may take gigabytes.
        folders: of pictures with labels, in any known format; their training pictures replace the frames of simulated
            tabletops.

    Raises:
        ValueError, OSError: a folder cannot be read, or has no training pictures; the message names it.
    """
    readers = [reader for folder in folders for reader in open_folder(folder)]
    records = [(reader, record) for reader in readers for record in reader.of_split("train")]
    manifest, tokenizer = bundle.manifest, bundle.tokenizer()
    engines = {name: OnnxEngine(bundle.contents[name], name, 0) for name in manifest.graphs}
    recorded = {name: Recording(engines[name]) for name in names}
    network, size = Network({**engines, **recorded}, manifest, len(tokenizer)), manifest.input
    for graph in recorded.values():
        graph.given.clear()  # the inputs of the network's own rehearsal
    for image, texts in _pictures(records) if folders else _tables():
        tokens = (tokenizer.encode(text, manifest.text.length) for text in texts)
        words = [token.ids for token in tokens if token.readable]
        if not words:
            continue
        letterbox = Letterbox.fit(*image.shape[:2], size.height, size.width)
        (encoded,) = network.encode(letterbox.apply(image, size.padding)[None])
        memory = network.memory(FrameBuffer(manifest.clip.length, manifest.clip.interval, 0.0))
        network.answer(network.look_back(encoded, memory, 0.0), network.read(np.stack(words)))
    return {name: graph.given for name, graph in recorded.items()}


def _tables() -> Iterator[Asked]:
    with Tabletop(WIDTH, HEIGHT) as tabletop:
        for seed in range(CALIBRATION_SEED, CALIBRATION_SEED + CALIBRATION_SCENES):
            tabletop.reset(seed, "train", moving=False)
            frame, rng = tabletop.render(depth=False), np.random.default_rng(seed)
            asked = choose(phrases(frame.objects, WIDTH, HEIGHT, rng), EXPRESSIONS, rng)
            yield frame.rgb, [phrase.text for phrase in asked]


def _pictures(records: Sequence[tuple[Reader, Record]]) -> Iterator[Asked]:
    for index in np.random.default_rng(CALIBRATION_SEED).permutation(len(records))[:CALIBRATION_SCENES]:
        reader, record = records[index]
        yield reader.load(record).frames[-1], [one.text for one in record.expressions[:EXPRESSIONS]]
