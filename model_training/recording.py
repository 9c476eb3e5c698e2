"""What the graphs of a bundle are given when it answers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from model_training.datasets.phrase_choice import choose
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
"""Scenes on which the ranges of activations are measured; neither training nor evaluation uses them."""


class Recording:
    """An engine that keeps what it is given."""

    def __init__(self, engine: OnnxEngine) -> None:
        self.inputs, self.outputs, self.zeros = engine.inputs, engine.outputs, engine.zeros
        self.engine, self.given = engine, list[Arrays]()

    def run(self, arrays: Mapping[str, Array]) -> Arrays:
        """See Engine."""
        self.given.append(dict(arrays))
        return self.engine.run(arrays)


def calibration(bundle: Bundle) -> dict[str, list[Arrays]]:
    """Graph -> what it is given for frames of simulated tabletops, each the first of a stream, and expressions about
    them.
    """
    manifest, tokenizer = bundle.manifest, bundle.tokenizer()
    graphs = {name: Recording(OnnxEngine(bundle.contents[name], name, 0)) for name in manifest.graphs}
    network, size = Network(graphs, manifest, len(tokenizer)), manifest.input
    letterbox = Letterbox.fit(HEIGHT, WIDTH, size.height, size.width)
    for graph in graphs.values():
        graph.given.clear()  # what the network was rehearsed with
    with Tabletop(WIDTH, HEIGHT) as tabletop:
        for seed in range(CALIBRATION_SEED, CALIBRATION_SEED + CALIBRATION_SCENES):
            tabletop.reset(seed, "train", moving=False)
            frame, rng = tabletop.render(depth=False), np.random.default_rng(seed)
            asked = choose(phrases(frame.objects, WIDTH, HEIGHT, rng), EXPRESSIONS, rng)
            words = np.stack([tokenizer.encode(phrase.text, manifest.text.length).ids for phrase in asked])
            (encoded,) = network.encode(letterbox.apply(frame.rgb, size.padding)[None])
            memory = network.memory(FrameBuffer(manifest.clip.length, manifest.clip.interval, 0.0))
            network.answer(network.look_back(encoded, memory, 0.0), network.read(words))
    return {name: graph.given for name, graph in graphs.items()}
