"""Runs steps of a bundle by themselves in ONNX Runtime on the CPU, on their inputs for a frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from benchmarks.growth import picture
from benchmarks.measuring import CORES, TEXT
from model_training.recording import Recording
from refseg_ros.engines.bundle import Bundle
from refseg_ros.engines.choice import onnx_cpu
from refseg_ros.engines.frame_buffer import FrameBuffer
from refseg_ros.engines.network import Arrays, Network
from refseg_ros.engines.stage import Stage
from refseg_ros.geometry import Letterbox


def in_float32(bundle: Bundle) -> Bundle:
    """A bundle with its float32 graphs alone."""
    graphs = bundle.manifest.graphs
    kept = {name: data for name, data in bundle.contents.items() if name in graphs or not name.endswith(".onnx")}
    return replace(bundle, contents=kept)


def given_to_graphs(bundle: Bundle) -> dict[str, Arrays]:
    """The inputs of each graph for a frame with a whole past and one expression."""
    graphs = {name: Recording(engine) for name, engine in onnx_cpu(bundle, CORES).items()}
    size, clip, tokenizer = bundle.manifest.input, bundle.manifest.clip, bundle.tokenizer()
    network = Network(graphs, bundle.manifest, len(tokenizer))
    image = Letterbox.fit(480, 640, size.height, size.width).apply(picture(640, 480), size.padding)
    memory = network.memory(FrameBuffer(clip.length, clip.interval, 2 * clip.interval))
    for number in range(clip.length):
        frame = network.look_back(network.encode(image[None])[0], memory, number * clip.interval)
    network.answer(frame, network.read(tokenizer.encode(TEXT, bundle.manifest.text.length).ids[None]))
    return {name: graph.given[-1] for name, graph in graphs.items()}


def running(bundle: Bundle, steps: Sequence[Sequence[str]], given: Arrays) -> Callable[[], Arrays]:
    """Some steps of a bundle, run as on a robot; `given` has the inputs that no step makes."""
    engines = onnx_cpu(bundle, CORES)
    stage = Stage([{name: engines[name] for name in step} for step in steps], ThreadPoolExecutor(max(1, CORES - 1)))
    return lambda: stage.run(given)
