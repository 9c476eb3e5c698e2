"""A model bundle whose answers can be computed by hand, and that ONNX Runtime really runs.

Each word has a colour direction; a pixel's logit is the sum over the words of direction . colour (in [0, 1]), so "red"
segments what is red. The word "redder" looks at the whole clip instead: at the strongest red in any of its frames.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from refseg_ros.engines import bundle
from refseg_ros.engines.manifest import ATTENTION, VOCABULARY, WORDS, Clip, Input, Manifest, Text, Thresholds
from refseg_ros.expression import Vocabulary

HEIGHT, WIDTH, STRIDE = 144, 192, 4
MAX_WORDS = 6
WEIGHTS = {  # word -> weights of (red, green, blue) now, of (red, green, blue) in the clip, and bias
    "<pad>": (0, 0, 0, 0, 0, 0, 0),
    "<unknown>": (0, 0, 0, 0, 0, 0, 0),
    "the": (0, 0, 0, 0, 0, 0, 0),
    "mug": (0, 0, 0, 0, 0, 0, 0),
    "red": (20, -20, -20, 0, 0, 0, -8),
    "green": (-20, 20, -20, 0, 0, 0, -8),
    "blue": (-20, -20, 20, 0, 0, 0, -8),
    "redder": (0, 0, 0, 20, 0, 0, -15),
    "everywhere": (0, 0, 0, 0, 0, 0, 30),
    "perhaps": (0, 0, 0, 0, 0, 0, 0.2),
}
MANIFEST = Manifest(
    name="by-hand",
    input=Input(HEIGHT, WIDTH, padding=128),
    steps=(("encoder.onnx",), ("clip.onnx",), ("fusion.onnx",)),
    text=Text(WORDS, VOCABULARY, MAX_WORDS),
    clip=Clip(3, 0.2, ATTENTION),
    thresholds=Thresholds(mask=0.5, absent=0.35, found=0.65),
)


def encoder() -> onnx.ModelProto:
    """uint8 (B, H, W, 3) -> feature_1 (B, 3, h, w): means of 4 x 4 pixels; ring_1_value (B, h*w, 3): likewise."""
    rows, columns = HEIGHT // STRIDE, WIDTH // STRIDE
    nodes = [
        helper.make_node("Cast", ["image"], ["bytes"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["bytes", "white"], ["colours"]),
        helper.make_node("Transpose", ["colours"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["planes"], ["feature_1"], kernel_shape=[STRIDE] * 2, strides=[STRIDE] * 2),
        helper.make_node("Reshape", ["feature_1", "flat"], ["positions"]),
        helper.make_node("Transpose", ["positions"], ["ring_1_value"], perm=[0, 2, 1]),
    ]
    constants = {"white": np.float32(255), "flat": np.array([0, 3, -1], np.int64)}
    inputs = [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", HEIGHT, WIDTH, 3])]
    outputs = [
        helper.make_tensor_value_info("feature_1", TensorProto.FLOAT, ["batch", 3, rows, columns]),
        helper.make_tensor_value_info("ring_1_value", TensorProto.FLOAT, ["batch", rows * columns, 3]),
    ]
    return model(nodes, inputs, outputs, constants)


def clip() -> onnx.ModelProto:
    """ring_1_value of the frame and past_1_value (L, h*w, 3) of those before -> strongest_1 (h*w, 3), the maximum."""
    positions = HEIGHT // STRIDE * (WIDTH // STRIDE)
    nodes = [
        helper.make_node("Concat", ["past_1_value", "ring_1_value"], ["seen"], axis=0),
        helper.make_node("ReduceMax", ["seen", "axis_0"], ["strongest_1"], keepdims=0),
    ]
    inputs = [
        helper.make_tensor_value_info("ring_1_value", TensorProto.FLOAT, [1, positions, 3]),
        helper.make_tensor_value_info("past_1_value", TensorProto.FLOAT, ["past", positions, 3]),
    ]
    outputs = [helper.make_tensor_value_info("strongest_1", TensorProto.FLOAT, [positions, 3])]
    return model(nodes, inputs, outputs, {"axis_0": np.array([0], np.int64)})


def fusion() -> onnx.ModelProto:
    """The sum of the module's docstring; presence is the largest logit; all real words get the same attention."""
    rows, columns = HEIGHT // STRIDE, WIDTH // STRIDE
    nodes = [
        helper.make_node("Gather", ["weights", "words"], ["word_weights"]),
        helper.make_node("ReduceSum", ["word_weights", "axis_1"], ["query"], keepdims=0),
        helper.make_node("Split", ["query", "parts"], ["now", "past", "bias"], axis=1),
        helper.make_node("Reshape", ["feature_1", "flat"], ["here"]),
        helper.make_node("MatMul", ["now", "here"], ["logits_now"]),
        helper.make_node("Transpose", ["strongest_1"], ["before"], perm=[1, 0]),
        helper.make_node("MatMul", ["past", "before"], ["logits_past"]),
        helper.make_node("Sum", ["logits_now", "logits_past", "bias"], ["flat_logits"]),
        helper.make_node("Reshape", ["flat_logits", "grid"], ["logits"]),
        helper.make_node("ReduceMax", ["flat_logits", "axis_1"], ["presence"], keepdims=0),
        helper.make_node("Greater", ["words", "zero"], ["real"]),
        helper.make_node("Cast", ["real"], ["ones"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["ones", "axis_1"], ["count"], keepdims=1),
        helper.make_node("Div", ["ones", "count"], ["shares"]),
        helper.make_node("Unsqueeze", ["shares", "axis_1"], ["word_attention"]),
    ]
    constants = {
        "weights": np.array(list(WEIGHTS.values()), np.float32),
        "parts": np.array([3, 3, 1], np.int64),
        "flat": np.array([3, -1], np.int64),
        "grid": np.array([-1, rows, columns], np.int64),
        "zero": np.int64(0),
        "axis_1": np.array([1], np.int64),
    }
    inputs = [
        helper.make_tensor_value_info("feature_1", TensorProto.FLOAT, [1, 3, rows, columns]),
        helper.make_tensor_value_info("strongest_1", TensorProto.FLOAT, [rows * columns, 3]),
        helper.make_tensor_value_info("words", TensorProto.INT64, ["queries", "length"]),
    ]
    outputs = [
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["queries", rows, columns]),
        helper.make_tensor_value_info("presence", TensorProto.FLOAT, ["queries"]),
        helper.make_tensor_value_info("word_attention", TensorProto.FLOAT, ["queries", 1, "length"]),
    ]
    return model(nodes, inputs, outputs, constants)


def model(nodes: list, inputs: list, outputs: list, constants: dict[str, np.ndarray]) -> onnx.ModelProto:
    """A checked ONNX model."""
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "by-hand", inputs, outputs, initializers)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    made.ir_version = 10
    onnx.checker.check_model(made)
    return made


def write_bundle(folder: Path, manifest: Manifest = MANIFEST, **replaced: bytes) -> Path:
    """Write the bundle; `encoder=`, `clip=`, `fusion=`, `vocabulary=` replace a file, with the right SHA-256."""
    contents = {
        "vocabulary.txt": Vocabulary(list(WEIGHTS)[2:]).dump().encode(),
        "encoder.onnx": encoder().SerializeToString(),
        "clip.onnx": clip().SerializeToString(),
        "fusion.onnx": fusion().SerializeToString(),
    }
    for name in contents:
        contents[name] = replaced.get(name.split(".")[0], contents[name])
    bundle.write(folder, manifest, contents)
    return folder
