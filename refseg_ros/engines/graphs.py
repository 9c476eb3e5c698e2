"""The graphs of a bundle, and their variants in other precisions, such as `encoder.cpu-int8.onnx` of `encoder.onnx`.

`python -m model_training.quantize` makes the variants. The manifest lists them like every file of the bundle.
"""

from __future__ import annotations

from refseg_ros.engines.bundle import Bundle
from refseg_ros.errors import BundleError

CPU_INT8 = "cpu-int8"
"""What ONNX Runtime on a CPU takes wherever a bundle has it."""

ENGINE_PRECISIONS = {"fp32": "", "fp16": "gpu-fp16", "int8": "gpu-int8"}
"""Precision of an engine for a GPU -> the kind of graph that it is built from."""

KINDS = (CPU_INT8, *filter(None, ENGINE_PRECISIONS.values()))

_SUFFIX = ".onnx"


def graph_file(name: str, kind: str) -> str:
    """File name of a graph of a kind; the graph's own when `kind` is empty."""
    return f"{name.removesuffix(_SUFFIX)}.{kind}{_SUFFIX}" if kind else name


def of_precision(bundle: Bundle, name: str, precision: str) -> str:
    """The file of a graph that an engine of this precision is built of.

    Raises:
        BundleError: the bundle has none.
    """
    chosen = graph_file(name, ENGINE_PRECISIONS[precision])
    if chosen not in bundle.contents:
        command = f"python -m model_training.quantize {bundle.folder} {ENGINE_PRECISIONS[precision]}"
        raise BundleError(f"{bundle.folder}: has no {chosen} to build in {precision} of; make it with: {command}")
    return chosen


def for_cpu(bundle: Bundle, name: str) -> str:
    """The file of a graph that a CPU runs fastest."""
    chosen = graph_file(name, CPU_INT8)
    return chosen if chosen in bundle.contents else name
