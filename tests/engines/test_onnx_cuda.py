"""ONNX Runtime on a GPU, where there is none of it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from onnx import TensorProto, helper

from refseg_ros.engines import onnx_cuda
from refseg_ros.engines.onnx import onnxruntime
from refseg_ros.engines.onnx_cuda import PROVIDER, OnnxCudaEngine
from refseg_ros.errors import BundleError, UnavailableError
from refseg_ros.gpu_check import stand_ins
from tests.bundles import model


def test_a_runtime_that_knows_no_gpu_is_told():
    if PROVIDER in onnxruntime.get_available_providers():
        pytest.skip(f"this onnxruntime has the {PROVIDER}")
    with pytest.raises(UnavailableError, match=rf"has no {PROVIDER} \(pip install onnxruntime-gpu\)"):
        OnnxCudaEngine(b"", "encoder.onnx", None)


def test_a_graph_whose_outputs_cannot_be_read_is_refused_in_one_line(monkeypatch):
    """So that the next runtime is tried; in a rehearsal, because the session has to load."""
    ends = [helper.make_tensor_value_info("given", TensorProto.FLOAT, [2])]
    made = [helper.make_tensor_value_info("made", TensorProto.FLOAT16, [2])]
    halves = model([helper.make_node("Cast", ["given"], ["made"], to=TensorProto.FLOAT16)], ends, made, {})
    stand_in = SimpleNamespace(
        InferenceSession=stand_ins._Session,
        SessionOptions=onnxruntime.SessionOptions,
        get_available_providers=lambda: [PROVIDER],
    )
    monkeypatch.setattr(onnx_cuda, "onnxruntime", stand_in)
    with pytest.raises(
        BundleError, match=r"graph\.onnx: gives `made` as tensor\(float16\); it must be one of"
    ) as caught:
        OnnxCudaEngine(halves.SerializeToString(), "graph.onnx", SimpleNamespace(stream=1))
    assert "\n" not in str(caught.value)
