"""Which runtimes for a GPU are installed, and why not the others."""

from __future__ import annotations

from types import ModuleType

from refseg_ros.engines import onnx_cuda
from refseg_ros.engines.tensorrt import LIBRARIES, library
from refseg_ros.errors import UnavailableError


def libraries() -> tuple[list[ModuleType], list[str]]:
    """TensorRT and TensorRT-RTX as far as they are there, and a line for each that is not."""
    found, missing = [], []
    for name in LIBRARIES:
        try:
            found.append(library(name))
        except UnavailableError as reason:
            missing.append(str(reason))
    return found, missing


def provider() -> tuple[bool, list[str]]:
    """Whether ONNX Runtime has its CUDA provider, and a line where it has not."""
    has = onnx_cuda.PROVIDER in onnx_cuda.onnxruntime.get_available_providers()
    return has, [] if has else [f"this onnxruntime has no {onnx_cuda.PROVIDER} (pip install onnxruntime-gpu)"]
