"""ONNX Runtime on a GPU, where there is none of it."""

from __future__ import annotations

import pytest

from refseg_ros.engines.onnx import onnxruntime
from refseg_ros.engines.onnx_cuda import PROVIDER, OnnxCudaEngine
from refseg_ros.errors import UnavailableError


def test_a_runtime_that_knows_no_gpu_is_told():
    if PROVIDER in onnxruntime.get_available_providers():
        pytest.skip(f"this onnxruntime has the {PROVIDER}")
    with pytest.raises(UnavailableError, match=rf"has no {PROVIDER} \(pip install onnxruntime-gpu\)"):
        OnnxCudaEngine(b"", "encoder.onnx", None)
