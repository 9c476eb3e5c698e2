"""The bundle of tests/bundles.py, made to compute for long when it is asked for what is "everywhere"."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.bundles import WEIGHTS, fusion, write_bundle

SIDE = 700
TURNS = 100_000
LOADING_SIDE, LOADING_TURNS = 4000, 1000
SLOW_WORD = "everywhere"


def write_slow_bundle(folder: Path, turns: int = TURNS) -> Path:
    """Presence gets a zero added that takes so many products of two matrices for each SLOW_WORD in the query."""
    model = fusion()
    graph = model.graph
    for node in graph.node:
        if node.output[0] == "presence":
            node.output[0] = "presence_of_the_fast_one"
    nodes = [
        helper.make_node("Equal", ["words", "slow_word"], ["is_slow"]),
        helper.make_node("Cast", ["is_slow"], ["slow_words"], to=TensorProto.INT64),
        helper.make_node("ReduceSum", ["slow_words"], ["slow_count"], keepdims=0),
        helper.make_node("Mul", ["slow_count", "turns"], ["trips"]),
        helper.make_node("ReduceMax", ["presence_of_the_fast_one"], ["any_number"], keepdims=0),
        helper.make_node("Mul", ["any_number", "zeros"], ["start"]),
        helper.make_node("Loop", ["trips", "", "start"], ["product"], body=_body()),
        helper.make_node("ReduceSum", ["product"], ["nothing_at_all"], keepdims=0),
        helper.make_node("Add", ["presence_of_the_fast_one", "nothing_at_all"], ["presence"]),
    ]
    graph.node.extend(nodes)
    constants = {
        "slow_word": np.int64(list(WEIGHTS).index(SLOW_WORD)),
        "turns": np.int64(turns),
        "zeros": np.zeros((SIDE, SIDE), np.float32),
    }
    graph.initializer.extend(numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items())
    onnx.checker.check_model(model)
    return write_bundle(folder, fusion=model.SerializeToString())


def write_slowly_loading_bundle(folder: Path) -> Path:
    """The same work, but of constants alone, which ONNX Runtime does while it loads the model."""
    model = fusion()
    graph = model.graph
    for node in graph.node:
        if node.output[0] == "presence":
            node.output[0] = "presence_of_the_fast_one"
    nodes = [helper.make_node("MatMul", ["zeros", "zeros"], ["product_0"])]
    nodes += [
        helper.make_node("MatMul", [f"product_{turn}", "zeros"], [f"product_{turn + 1}"])
        for turn in range(LOADING_TURNS)
    ]
    nodes += [
        helper.make_node("ReduceSum", [f"product_{LOADING_TURNS}"], ["nothing_at_all"], keepdims=0),
        helper.make_node("Add", ["presence_of_the_fast_one", "nothing_at_all"], ["presence"]),
    ]
    graph.node.extend(nodes)
    graph.initializer.append(numpy_helper.from_array(np.zeros((LOADING_SIDE, LOADING_SIDE), np.float32), "zeros"))
    return write_bundle(folder, fusion=model.SerializeToString())


def _body() -> onnx.GraphProto:
    """One turn: the matrix times itself."""
    nodes = [
        helper.make_node("MatMul", ["before", "before"], ["after"]),
        helper.make_node("Identity", ["go_on"], ["go_on_again"]),
    ]
    matrix = [SIDE, SIDE]
    return helper.make_graph(
        nodes,
        "turn",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, matrix),
        ],
        [
            helper.make_tensor_value_info("go_on_again", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, matrix),
        ],
    )
