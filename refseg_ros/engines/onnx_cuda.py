"""ONNX Runtime on a GPU, with its CUDA provider.

Not tried on a GPU yet: without one, only the refusals could be tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from refseg_ros.engines.cuda import DeviceArray, Gpu
from refseg_ros.engines.onnx import onnxruntime, refusal
from refseg_ros.errors import BundleError, EngineError, UnavailableError
from refseg_ros.text import one_line

PROVIDER = "CUDAExecutionProvider"

DTYPES = {
    "tensor(float)": np.float32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
    "tensor(uint8)": np.uint8,
}


class OnnxCudaEngine:
    """An ONNX file on a GPU; the contract is `Engine`. Its outputs stay on the GPU: they are `DeviceArray`."""

    def __init__(self, model: bytes, name: str, gpu: Gpu) -> None:
        """Load a model.

        Args:
            model: the bytes of the ONNX file.
            name: what error messages call it.
            gpu: to run on; its stream orders this engine's work with all else.

        Raises:
            UnavailableError: this ONNX Runtime has no CUDA provider, or it does not start.
            BundleError: ONNX Runtime refuses the model.
        """
        if PROVIDER not in onnxruntime.get_available_providers():
            raise UnavailableError(f"this onnxruntime has no {PROVIDER} (pip install onnxruntime-gpu)")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # errors arrive as exceptions, not on stderr as well
        provider = (PROVIDER, {"device_id": "0", "user_compute_stream": str(gpu.stream)})
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=[provider, "CPUExecutionProvider"])
        except Exception as error:  # the exceptions of ONNX Runtime have no base class of their own
            raise refusal(name, error) from error
        if PROVIDER not in self._session.get_providers():
            raise UnavailableError(f"the {PROVIDER} does not start; are the CUDA and cuDNN that it wants there?")
        self._gpu, self._name = gpu, name
        self.inputs = tuple(node.name for node in self._session.get_inputs())
        for node in self._session.get_outputs():
            if node.type not in DTYPES:
                raise BundleError(f"{name}: gives `{node.name}` as {node.type}; it must be one of {', '.join(DTYPES)}")
        self._dtypes = {node.name: np.dtype(DTYPES[node.type]) for node in self._session.get_outputs()}
        self.outputs = tuple(self._dtypes)

    def zeros(self, shape: tuple[int, ...], dtype: Any) -> DeviceArray:
        """See `Engine.zeros`."""
        return self._gpu.zeros(shape, dtype)

    def run(self, arrays: Mapping[str, Any]) -> dict[str, DeviceArray]:
        """Run once; see `Engine.run`. Arrays on the GPU are read where they are."""
        placed = {name: self._gpu.place(arrays[name]) for name in self.inputs}
        binding = self._session.io_binding()
        try:
            for name, array in placed.items():
                binding.bind_input(name, "cuda", 0, array.dtype, array.shape, array.pointer)
            for name in self.outputs:
                binding.bind_output(name, "cuda", 0)
            self._session.run_with_iobinding(binding)
        except Exception as error:  # as above
            raise EngineError(f"{self._name} failed: {one_line(error)}") from error
        values = dict(zip(self.outputs, binding.get_outputs(), strict=True))
        return {
            name: DeviceArray(self._gpu, value.shape(), self._dtypes[name], value, value.data_ptr())
            for name, value in values.items()
        }
