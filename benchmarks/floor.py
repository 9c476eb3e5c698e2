"""How near a frame is to its floor: the multiply-adds of each graph over the measured peak of the cores."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from benchmarks.measuring import CORES, Effort, Table, in_turn, milliseconds
from benchmarks.stages import given_to_graphs, running
from refseg_ros.engines.bundle import TABLETOP, Bundle
from refseg_ros.engines.graphs import for_cpu
from refseg_ros.engines.network import Arrays
from refseg_ros.engines.onnx import OnnxEngine

SIDE = 1024
"""Side of the matrices whose product measures the peak."""


class Work(NamedTuple):
    """Multiply-adds of one run."""

    floats: int = 0
    bytes: int = 0


def product(kind: type[np.generic]) -> tuple[bytes, Arrays]:
    """A graph that multiplies two square matrices, of float32 or of bytes, and its inputs."""
    whole = kind is np.uint8
    right = np.ones((SIDE, SIDE), np.int8 if whole else np.float32)
    element, result = (TensorProto.UINT8, TensorProto.INT32) if whole else (TensorProto.FLOAT, TensorProto.FLOAT)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger" if whole else "MatMul", ["left", "right"], ["made"])],
        "product",
        [helper.make_tensor_value_info("left", element, [SIDE, SIDE])],
        [helper.make_tensor_value_info("made", result, [SIDE, SIDE])],
        [numpy_helper.from_array(right, "right")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return model.SerializeToString(), {"left": np.ones((SIDE, SIDE), kind)}


def work(model: bytes, given: Mapping[str, np.ndarray]) -> Work:
    """Count the multiply-adds of one run in ONNX Runtime's profile."""
    graph = onnx.load_from_string(model).graph
    makers = {name: node.op_type for node in graph.node for name in node.output}
    of_bytes = {node.name for node in graph.node if all(makers.get(x) == "DequantizeLinear" for x in node.input[:2])}
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.enable_profiling = True
    with tempfile.TemporaryDirectory() as folder:
        options.profile_file_prefix = str(Path(folder) / "run")
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        session.run(None, dict(given))
        events = json.loads(Path(session.end_profiling()).read_text())
    floats = whole = 0
    for event in events:
        name, suffix = event["name"], "_kernel_time"
        if event["cat"] != "Node" or not name.endswith(suffix):
            continue
        inputs, outputs = (
            [next(iter(shape.values())) for shape in event["args"][f"{side}_type_shape"]]
            for side in ("input", "output")
        )
        count = int(np.prod(outputs[0]))
        match event["args"]["op_name"]:
            case "MatMul" | "Gemm":
                count *= inputs[0][-1]
            case "Conv":
                count *= int(np.prod(inputs[1][1:]))
            case _:
                continue
        if name.removesuffix(suffix) in of_bytes:
            whole += count
        else:
            floats += count
    return Work(floats, whole)


def measure(effort: Effort) -> list[Table]:
    """The table of the floor."""
    bundle = Bundle.load(TABLETOP)
    given = given_to_graphs(bundle)
    names = {step: ", ".join(name.removesuffix(".onnx") for name in step) for step in bundle.manifest.steps}
    steps: dict[str, Callable[[], object]] = {
        title: running(bundle, [step], {name: array for graph in step for name, array in given[graph].items()})
        for step, title in names.items()
    }
    for kind in (np.float32, np.uint8):
        model, left = product(kind)
        engine = OnnxEngine(model, "product", CORES)
        steps[kind.__name__] = lambda engine=engine, left=left: engine.run(left)
    times = in_turn(steps, effort)
    floats, whole = (SIDE**3 / float(np.median(times[name])) for name in ("float32", "uint8"))
    table = Table(
        f"A frame of `tabletop` and one expression, with a whole past, on {CORES} cores",
        ["graphs", "multiply-adds, M", "of these in 8 bits, M", "floor ms", "measured ms", "measured, of the floor"],
        notes=[
            f"The floor is the time that the multiply-adds take at the cores' peak: {floats / 1e9:.0f} G/s in float32 "
            f"and {whole / 1e9:.0f} G/s in 8 bits, as ONNX Runtime multiplies matrices of {SIDE} x {SIDE}. It leaves "
            "out everything else that a graph does: softmaxes, norms, sums, moving arrays from one operator to the "
            "next, and waking the other cores for each. Graphs in one row run side by side. `text` runs once a query; "
            "the sum is without it."
        ],
    )
    total = np.zeros(4)
    for step, title in names.items():
        done = [work(bundle.contents[for_cpu(bundle, name)], given[name]) for name in step]
        in_floats, in_bytes = sum(one.floats for one in done), sum(one.bytes for one in done)
        took = float(np.median(times[title]))
        row = np.array([in_floats + in_bytes, in_bytes, in_floats / floats + in_bytes / whole, took])
        total += 0 if title == "text" else row
        table.rows.append(_row(title, row))
    table.rows.append(_row("sum", total))
    return [table]


def _row(name: str, row: np.ndarray) -> list[str]:
    adds, whole, floor, took = row
    return [
        name,
        f"{adds / 1e6:.0f}",
        f"{whole / 1e6:.0f}",
        f"{1e3 * floor:.2f}",
        milliseconds(np.array([took])),
        f"{took / floor:.1f} x",
    ]
