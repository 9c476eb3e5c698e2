"""The bundle of tests/bundles.py with a fusion that fails at run time when it is asked for what is "everywhere"."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.bundles import WEIGHTS, fusion, write_bundle

BREAKING_WORD = "everywhere"


def write_breaking_bundle(folder: Path) -> Path:
    """Words that break it look up a weight far beyond the table of weights, which ONNX Runtime refuses to do."""
    model = fusion()
    graph = model.graph
    for node in graph.node:
        if node.output[0] == "word_weights":
            node.input[1] = "far_words"
    nodes = [
        helper.make_node("Equal", ["words", "breaking_word"], ["breaks"]),
        helper.make_node("Cast", ["breaks"], ["breaking"], to=TensorProto.INT64),
        helper.make_node("Mul", ["breaking", "far"], ["beyond"]),
        helper.make_node("Add", ["words", "beyond"], ["far_words"]),
    ]
    for node in reversed(nodes):
        graph.node.insert(0, node)
    constants = {"breaking_word": np.int64(list(WEIGHTS).index(BREAKING_WORD)), "far": np.int64(1_000_000)}
    graph.initializer.extend(numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items())
    onnx.checker.check_model(model)
    return write_bundle(folder, fusion=model.SerializeToString())
