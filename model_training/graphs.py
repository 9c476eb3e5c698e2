"""The ONNX files of a system, one for each of its graphs."""

from __future__ import annotations

import gc
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import onnx
import onnx_ir
import torch
from onnx_ir.passes import common as passes
from onnxscript import optimizer, rewriter
from onnxscript.rewriter.rules import common as rules
from torch import Tensor, nn

from model_training import rewriting
from model_training.networks.base import Graph
from refseg_ros.engines.reach import IMAGE, PAST, WORDS, reached

OPSET = 18
"""At 20 and below attention becomes MatMul and Softmax, which every runtime has."""
IMAGES, QUERIES, EARLIER = 2, 3, 2
"""Images, expressions and earlier frames that the exporter sees; the files take any number of them."""
TALKATIVE = ("torch.onnx._internal.exporter._registration", "onnxscript.optimizer._constant_folding")
"""Loggers that warn of what no user of an export can change."""
Earlier = Callable[[str, Mapping[str, Tensor], int], Tensor]
LEAST = {"batch": 1, "queries": 1, "past": 0}
"""The dynamic axes, and their least sizes."""

RULES = (
    *rules.expand_before_binary_op_rules,
    *(rules.sub_0_rule, rules.mul_by_1_rule, rules.div_by_1_rule),
    *(rules.no_op_cast_rule, rules.cast_cast_rule, rules.no_op_expand_rule),
    *(rules.collapse_slice_rule, rules.collapse_slice2_rule),
    *(rules.materialize_reshape_shape_rule, rules.reshape_reshape_rule, rules.squeeze_reshape_1d_rule),
    *(rules.no_op_transpose_rule, rules.transpose_transpose_rule, rules.unsqueeze_unsqueeze_rule),
    *(rules.normalize_pad_format_conv_rule, rules.fuse_pad_into_conv_rule),
    *(rules.fuse_batchnorm_into_conv_rule, rules.remove_optional_bias_from_conv_rule),
)
"""The rules of onnxscript that change at least one of our graphs. Its own list also looks for slices that form a Split.
Our graphs have none, and that search, quadratic in the number of nodes, takes most of the time of `simplify`.
"""


class Flat(nn.Module):
    """A graph's module under one signature, for the exporter."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """See the module's `forward`."""
        return self.module(*inputs)


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Pause garbage collection: each of the many collections would look at all nodes that the exporter has made.

    For `tabletop` this saves a tenth of the time and costs 50 MB.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def example_inputs(height: int, width: int, vocabulary: int, max_words: int) -> dict[str, Tensor]:
    """Random images (IMAGES, H, W, 3) uint8 and expressions (QUERIES, N) int64, for `onnx_files`."""
    return {
        IMAGE: torch.randint(0, 256, (IMAGES, height, width, 3), dtype=torch.uint8),
        WORDS: torch.randint(1, vocabulary, (QUERIES, max_words)),
    }


@torch.no_grad()
def onnx_files(
    graphs: Sequence[Graph], known: Mapping[str, Tensor], earlier: Earlier | None = None
) -> dict[str, bytes]:
    """The ONNX files of graphs in evaluation mode on the CPU, by their names.

    Args:
        graphs: in the order in which they run.
        known: `example_inputs`.
        earlier: as System.earlier; needed for graphs that take arrays of earlier frames.

    Raises:
        ValueError: the graphs do not fit each other.
    """
    reached({graph.name: graph for graph in graphs})
    known, files = dict(known), {}
    for graph in graphs:
        known |= {name: earlier(name, known, EARLIER) for name in graph.inputs if name.startswith(PAST)}
        files[graph.name] = onnx_file(graph, known)
        outputs = graph.module(*_examples(graph, known))
        single = "batch" in graph.inputs.get(IMAGE, {}).values()
        known |= {name: array[:1] if single else array for name, array in zip(graph.outputs, outputs, strict=True)}
    return files


def _examples(graph: Graph, known: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
    """Example inputs of a graph for the exporter; one image alone for a graph whose batch axis is fixed."""
    examples = []
    for name, axes in graph.inputs.items():
        array = known[name]
        if name == IMAGE and "batch" not in axes.values():
            array = array[:1]
        examples.append(array)
    return tuple(examples)


@contextmanager
def without_remarks() -> Iterator[None]:
    """Show no warnings of the exporter: about its own code, torchvision, and axes that share a name on purpose."""
    levels = {logging.getLogger(name): logging.getLogger(name).level for name in TALKATIVE}
    for logger in levels:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)


@torch.no_grad()  # a loop over words would bring its gradient
@without_garbage_collection()
@without_remarks()
def onnx_file(graph: Graph, known: Mapping[str, Tensor]) -> bytes:
    """Export a graph as an ONNX file and put its module into evaluation mode; `known` has an example of each input."""
    dimensions = {name: torch.export.Dim(name, min=least) for name, least in LEAST.items()}
    dynamic = tuple({axis: dimensions[name] for axis, name in axes.items()} for axes in graph.inputs.values())
    program = torch.onnx.export(
        Flat(graph.module).eval(),
        _examples(graph, known),
        input_names=list(graph.inputs),
        output_names=list(graph.outputs),
        opset_version=OPSET,
        dynamic_shapes={"inputs": dynamic},
        dynamo=True,
        optimize=False,
        verbose=False,
    )
    simplify(program.model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.onnx"
        program.save(str(path), external_data=False)
        return without_traces(path.read_bytes())


def simplify(model: onnx_ir.Model) -> None:
    """Fold constants and batch norm, and drop operations that undo or repeat others, in place."""
    for _ in range(2):
        optimizer.fold_constants_ir(model, onnx_shape_inference=True)
        rewriter.rewrite(model, (*RULES, *rewriting.RULES))
    rewriter.rewrite(model, rewriting.LAST_RULES)
    onnx_ir.passes.Sequential(
        passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        passes.DeduplicateInitializersPass(),
        passes.CommonSubexpressionEliminationPass(),
        passes.OutputFixPass(),
        passes.NameFixPass(),
    )(model)


def without_traces(graph: bytes) -> bytes:
    """An ONNX file without the exporter's notes on where in which source file each node was made."""
    model = onnx.load_from_string(graph)
    for part in (model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        del part.metadata_props[:]
    return model.SerializeToString()
