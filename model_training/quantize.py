"""Add a bundle's graphs in a lower precision, if accurate enough: `python -m model_training.quantize BUNDLE KIND`.

    cpu-int8   convolutions in 8 bits, for ONNX Runtime on a CPU, which uses them if a bundle has them
    gpu-fp16   all graphs in 16 bits, for `build_engine --precision fp16`
    gpu-int8   the image encoder's convolutions in 8 bits and the other graphs in 16, for
               `build_engine --precision int8`

The new graphs are kept only if they are accurate on the held-out scenes, with the bundle's thresholds: the overall IoU
may drop, and the share of present things that are called absent may rise, by at most LARGEST_CHANGE. Graphs for a CPU
must also be faster. With `--real DIR` the training pictures of DIR set the ranges of numbers instead of simulated
scenes, and the mean IoU and the same share must also hold on its validation pictures. Accuracy is always measured on
the CPU.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.transformers.float16 import convert_float_to_float16

from model_training.recording import calibration
from model_training.scoring.findings import Findings
from model_training.scoring.real import scored_folders
from model_training.scoring.scenes import Evaluation
from refseg_ros.command import command, program
from refseg_ros.engines import bundle as bundles
from refseg_ros.engines.bundle import Bundle
from refseg_ros.engines.graphs import CPU_INT8, ENGINE_PRECISIONS, KINDS, graph_file
from refseg_ros.engines.network import Arrays
from refseg_ros.engines.onnx import OnnxEngine
from refseg_ros.engines.reach import IMAGE
from refseg_ros.errors import BundleError

LARGEST_CHANGE = 0.01
"""Most by which an IoU may drop, or the share of present things that are called absent may rise."""
_, CALLED_ABSENT, _ = COMPARED = "overall IoU", "present called absent", "absent told"
"""Figures of the evaluation that are kept; the last one is not compared."""
REAL = ("mean IoU", CALLED_ABSENT)
"""Figures compared on real pictures."""
JUDGED_SPLIT = "val"
FASTER = "times faster"
EVALUATED_SEED = 7_000_000
NARROW = 64
"""Convolutions from or to fewer channels stay in float32: they gain little time and carry most of the error."""
ROUNDS = 60


def to_8_bits(bundle: Bundle, kind: str) -> list[str]:
    """Names of the bundle's graphs whose wide convolutions get 8 bits in a kind.

    Raises:
        ValueError: there is no such kind, or CPU_INT8 finds no wide convolution.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no kind of graph; there are {', '.join(KINDS)}")
    if kind == ENGINE_PRECISIONS["fp16"]:
        return []
    names = []
    for name in bundle.manifest.graphs:
        graph = onnx.load_from_string(bundle.contents[name]).graph
        if wide(graph) and (kind == CPU_INT8 or IMAGE in {one.name for one in graph.input}):
            names.append(name)
    if kind == CPU_INT8 and not names:
        raise ValueError(f"{bundle.folder}: no graph has a convolution from and to {NARROW} channels; keep it as it is")
    return names


def lowered(bundle: Bundle, kind: str, examples: Mapping[str, Sequence[Arrays]]) -> dict[str, bytes]:
    """Make the graphs of a kind: name of the graph that each replaces -> bytes of its ONNX file.

    Args:
        bundle: of the graphs.
        kind: one of KINDS.
        examples: inputs from `calibration`, for the graphs in `to_8_bits`.

    Raises:
        ValueError: as `to_8_bits`.
    """
    made = {}
    for name in to_8_bits(bundle, kind):
        made[name] = in_8_bits(bundle.contents[name], examples[name], symmetric=kind != CPU_INT8)
    if kind != CPU_INT8:
        made = {name: in_16_bits(bundle.contents[name]) for name in bundle.manifest.graphs} | made
    return made


def in_16_bits(graph: bytes) -> bytes:
    """A graph that computes in half precision; its inputs and outputs stay as they are."""
    made = convert_float_to_float16(onnx.load_from_string(graph), keep_io_types=True)
    return bytes(made.SerializeToString())


def in_8_bits(graph: bytes, examples: Sequence[Arrays], symmetric: bool) -> bytes:
    """A graph whose wide convolutions compute in 8 bits. Each output channel has its own range; an activation's range
    is the mean over the examples.

    Args:
        graph: the bytes of an ONNX file.
        examples: its inputs, to measure the activations' ranges on.
        symmetric: True for TensorRT: zero is in the middle of a range and biases stay in float32. False for ONNX
            Runtime, which is slow with True; weights then have 7 bits, because 8 overflow on processors without VNNI.
    """
    activations, options = QuantType.QUInt8, {"CalibMovingAverage": True}
    if symmetric:
        activations = QuantType.QInt8
        options |= {"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False}
    model = onnx.load_from_string(graph)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.onnx"
        quantize_static(
            model,
            path,
            _Examples(examples),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_quantize=wide(model.graph),
            per_channel=True,
            reduce_range=not symmetric,
            activation_type=activations,
            weight_type=QuantType.QInt8,
            extra_options=options,
        )
        return path.read_bytes()


def wide(graph: onnx.GraphProto) -> list[str]:
    """Names of the convolutions over an image, from and to at least NARROW channels."""
    channels = {weight.name: min(weight.dims[:2]) for weight in graph.initializer if len(weight.dims) == 4}
    return [node.name for node in graph.node if node.op_type == "Conv" and channels.get(node.input[1], 0) >= NARROW]


class _Examples(CalibrationDataReader):
    """Hands out examples one by one."""

    def __init__(self, examples: Sequence[Arrays]) -> None:
        self._left = iter(examples)

    def get_next(self) -> Arrays | None:
        """The next inputs of the graph."""
        return next(self._left, None)


def evaluated(
    bundle: Bundle, replaced: dict[str, bytes], expressions: int, folders: Sequence[Path] = ()
) -> dict[str, float]:
    """COMPARED on held-out scenes and REAL on pictures, for a bundle with some graphs replaced and no other kinds."""
    names = {*bundle.manifest.graphs, *(name for name in bundle.contents if not name.endswith(".onnx"))}
    contents = {name: replaced.get(name, data) for name, data in bundle.contents.items() if name in names}
    with tempfile.TemporaryDirectory() as folder:
        bundles.write(Path(folder), bundle.manifest, contents)
        evaluation = Evaluation(Path(folder), "held_out", EVALUATED_SEED)
        found = Findings.merged(evaluation.run(expressions)).figures()
        figures = {name: found[name] for name in COMPARED if name in found}
        for pictures, scores in scored_folders(evaluation.segmenter, folders, [JUDGED_SPLIT]):
            real = scores.figures()
            figures |= {f"{name}, {pictures.title}": real[name] for name in REAL if name in real}
    return figures


def loss(full: Mapping[str, float], figures: Mapping[str, float]) -> float:
    """The largest change for the worse among the compared figures."""
    changes = {name: figures[name] - value for name, value in full.items()}
    worse = [-change for name, change in changes.items() if "IoU" in name]
    return max(worse + [change for name, change in changes.items() if name.startswith(CALLED_ABSENT)])


def times_faster(slow: Mapping[str, bytes], fast: Mapping[str, bytes], examples: Mapping[str, Arrays]) -> float:
    """How many times faster `fast` is than `slow` on this CPU, each by its fastest of ROUNDS runs; they take turns.

    Args:
        slow, fast: name -> an ONNX file.
        examples: name -> the graph's inputs.
    """
    sides = [{name: OnnxEngine(graph, name, 0) for name, graph in graphs.items()} for graphs in (slow, fast)]
    times = np.empty((ROUNDS, 2))
    for row in times:
        for index, engines in enumerate(sides):
            began = time.perf_counter()
            for name, engine in engines.items():
                engine.run(examples[name])
            row[index] = time.perf_counter() - began
    slow_time, fast_time = times.min(axis=0)
    return float(slow_time / fast_time)


def quantize(bundle: Bundle, kind: str, expressions: int, folders: Sequence[Path] = ()) -> dict[str, float]:
    """Make graphs of a kind, measure them, and write them into the bundle if they are good.

    Args:
        bundle: to make them for.
        kind: one of KINDS.
        expressions: how many about simulated scenes to measure them with.
        folders: of real pictures with labels, to make and to measure them with too.

    Returns:
        The figures, which also stand in the manifest's metrics.

    Raises:
        BundleError: they are not good; the message has the figures.
        ValueError: as `to_8_bits`, or a folder lacks training or validation pictures; the message names it.
        OSError: the bundle cannot be written, or a folder cannot be read.
    """
    names = to_8_bits(bundle, kind)
    examples = calibration(bundle, names, folders) if names else {}
    made = lowered(bundle, kind, examples)
    full, figures = (evaluated(bundle, replaced, expressions, folders) for replaced in ({}, made))
    worse = loss(full, figures)
    figures |= {f"{name}, fp32": value for name, value in full.items()}
    if kind == CPU_INT8:
        before = {name: bundle.contents[name] for name in made}
        figures[FASTER] = round(times_faster(before, made, {name: given[0] for name, given in examples.items()}), 2)
    if worse > LARGEST_CHANGE or figures.get(FASTER, 2.0) <= 1.0:
        shown = ", ".join(f"{name} {value:g}" for name, value in figures.items())
        raise BundleError(f"{bundle.folder}: {kind} is not good enough and was not kept ({shown})")
    command_line = f"quantize {kind} --expressions {expressions}" + "".join(f" --real {one.name}" for one in folders)
    noted = {**bundle.manifest.metrics, command_line: figures}
    manifest = dataclasses.replace(bundle.manifest, metrics=noted)
    files = {graph_file(name, kind): data for name, data in made.items()}
    bundles.write(bundle.folder, manifest, {**bundle.contents, **files})
    return figures


@command()
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path, help="folder or name of the model")
    parser.add_argument("kind", choices=KINDS, help="which graphs to make")
    parser.add_argument("--expressions", type=int, default=2000, help="how many to measure it with (default: 2000)")
    parser.add_argument(
        "--real", type=Path, metavar="DIR", action="append", default=[],
        help="real pictures with labels, to choose ranges on instead of simulated scenes and to judge; may be repeated",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    if options.expressions < 1:
        raise ValueError("--expressions must be at least 1")
    figures = quantize(Bundle.load(options.bundle), options.kind, options.expressions, options.real)
    width = max(map(len, figures))
    for name, value in figures.items():
        print(f"{name:<{width}}  {value:g}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
