"""Which runtimes for a GPU are there, and why not the others."""

from __future__ import annotations

from types import ModuleType

from refseg_ros.doctor.finding import Finding, error, warn
from refseg_ros.engines import onnx_cuda
from refseg_ros.engines.bundle import Bundle
from refseg_ros.engines.cuda import Gpu
from refseg_ros.engines.tensorrt import LIBRARIES, library
from refseg_ros.errors import BundleError, UnavailableError


def libraries() -> tuple[list[ModuleType], list[Finding]]:
    """TensorRT and TensorRT-RTX as far as they are there, and a finding for each that is not."""
    found, missing = [], []
    for name in LIBRARIES:
        try:
            found.append(library(name))
        except UnavailableError as reason:
            missing.append(warn(str(reason)))
    return found, missing


def provider() -> tuple[bool, list[Finding]]:
    """Whether ONNX Runtime was built with its CUDA provider, and a finding where it was not."""
    has = onnx_cuda.PROVIDER in onnx_cuda.onnxruntime.get_available_providers()
    return has, [] if has else [warn(f"this onnxruntime has no {onnx_cuda.PROVIDER} (pip install onnxruntime-gpu)")]


def starting(bundle: Bundle, gpu: Gpu) -> list[Finding]:
    """A finding if the provider does not start, for example without its cuDNN; the smallest graph is tried.

    The provider's libraries are looked for when the first session is made; until then it counts as available.
    """
    name = min(bundle.manifest.graphs, key=lambda graph: len(bundle.contents[graph]))
    try:
        onnx_cuda.OnnxCudaEngine(bundle.contents[name], name, gpu)
    except UnavailableError as reason:
        return [error(f"ONNX Runtime: {reason}")]
    except BundleError:  # the graph is at fault, and is tried again with all others
        pass
    return []
