"""Stand-ins for CUDA, CUPTI, TensorRT and ONNX Runtime's CUDA provider, over the memory of the host.

A rehearsal replaces the libraries, not our code: all our code for a GPU runs, and ONNX Runtime's CPU provider computes.
It does not test what these libraries do on a GPU.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from refseg_ros.engines import onnx_cuda
from refseg_ros.engines.onnx import onnxruntime
from refseg_ros.gpu_check.shared_budget import SharedBudget


def install() -> None:
    """Replace the libraries in this process, for good."""
    open_library = ctypes.CDLL

    def with_driver(name: Any, *arguments: Any, **options: Any) -> Any:
        return None if name == "libcuda.so.1" else open_library(name, *arguments, **options)

    ctypes.CDLL = with_driver  # type: ignore[assignment,misc]
    bindings = ModuleType("cuda.bindings")
    runtime = _cuda_runtime()
    bindings.runtime = runtime  # type: ignore[attr-defined]
    sys.modules.update({"cuda": ModuleType("cuda"), "cuda.bindings": bindings, runtime.__name__: runtime})
    cupti = ModuleType("cupti")
    cupti.cupti = _Cupti  # type: ignore[attr-defined]
    sys.modules["cupti"] = cupti
    sys.modules.update({"tensorrt": _tensorrt("tensorrt", {}), "tensorrt_rtx": _tensorrt("tensorrt_rtx", _RTX)})
    onnx_cuda.onnxruntime = SimpleNamespace(
        InferenceSession=_Session,
        SessionOptions=onnxruntime.SessionOptions,
        get_available_providers=lambda: [onnx_cuda.PROVIDER, "CPUExecutionProvider"],
    )


def _at(pointer: int, shape: Sequence[int], dtype: Any) -> np.ndarray:
    """The array at an address."""
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if not size:
        return np.empty(shape, dtype)
    return np.frombuffer((ctypes.c_uint8 * size).from_address(pointer), dtype).reshape(shape)


def _cuda_runtime() -> ModuleType:
    """`cuda.bindings.runtime`, as far as `Gpu` uses it."""
    budget = SharedBudget()
    blocks: list[Any] = []

    def cudaGetDeviceCount() -> tuple[int, int]:
        return 0, 1

    def cudaGetDeviceProperties(device: int) -> tuple[int, Any]:
        return 0, SimpleNamespace(name=b"the host's memory, no GPU", major=0, minor=0)

    def cudaStreamCreate() -> tuple[int, int]:
        return 0, 1

    def cudaStreamSynchronize(stream: int) -> tuple[int]:
        return (0,)

    def cudaMalloc(size: int) -> tuple[int, int]:
        if not budget.take(size):
            return 2, 0
        blocks.append((ctypes.c_uint8 * size)() if size <= budget.real else None)
        return 0, ctypes.addressof(blocks[-1]) if blocks[-1] is not None else 0

    def cudaMemcpyAsync(target: int, source: int, size: int, kind: int, stream: int) -> tuple[int]:
        ctypes.memmove(target, source, size)
        return (0,)

    def cudaMemsetAsync(target: int, value: int, size: int, stream: int) -> tuple[int]:
        ctypes.memset(target, value, size)
        return (0,)

    def cudaGetErrorString(status: int) -> tuple[int, bytes]:
        return 0, b"out of memory"

    runtime = ModuleType("cuda.bindings.runtime")
    kinds = ("cudaMemcpyHostToDevice", "cudaMemcpyDeviceToHost", "cudaMemcpyDeviceToDevice")
    runtime.cudaMemcpyKind = SimpleNamespace(**{name: name for name in kinds})  # type: ignore[attr-defined]
    functions = (
        *(cudaGetDeviceCount, cudaGetDeviceProperties, cudaStreamCreate, cudaStreamSynchronize),
        *(cudaMalloc, cudaMemcpyAsync, cudaMemsetAsync, cudaGetErrorString),
    )
    for function in functions:
        setattr(runtime, function.__name__, function)
    return runtime


class _Session:
    """An `InferenceSession` whose arrays lie where the stand-in of CUDA has them."""

    def __init__(self, model: bytes, options: Any, providers: Sequence[Any]) -> None:
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.get_inputs, self.get_outputs = self._session.get_inputs, self._session.get_outputs
        self.run, self.end_profiling = self._session.run, self._session.end_profiling

    def get_providers(self) -> list[str]:
        return [onnx_cuda.PROVIDER, "CPUExecutionProvider"]

    def io_binding(self) -> _Binding:
        return _Binding()

    def run_with_iobinding(self, binding: _Binding) -> None:
        results = self._session.run(binding.outputs, binding.inputs)
        binding.values = [onnxruntime.OrtValue.ortvalue_from_numpy(result) for result in results]


class _Binding:
    def __init__(self) -> None:
        self.inputs: dict[str, np.ndarray] = {}
        self.outputs: list[str] = []
        self.values: list[Any] = []

    def bind_input(self, name: str, device: str, number: int, dtype: Any, shape: Sequence[int], pointer: int) -> None:
        self.inputs[name] = _at(pointer, shape, dtype)

    def bind_output(self, name: str, device: str, number: int) -> None:
        self.outputs.append(name)

    def get_outputs(self) -> list[Any]:
        return self.values


class _Anything:
    """Takes any setting and any call that returns nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: None


class _ParsedNetwork:
    num_inputs = 0  # so that no shapes enter a profile; those of the graph hold
    onnx = b""


class _OnnxParser:
    def __init__(self, network: _ParsedNetwork, listener: Any) -> None:
        self._network = network

    def parse(self, onnx: bytes) -> bool:
        self._network.onnx = onnx
        return True


class _BuilderConfig(_Anything):
    def get_timing_cache(self) -> Any:
        return SimpleNamespace(serialize=lambda: b"timing")


class _Builder:
    def __init__(self, listener: Any) -> None: ...

    def create_network(self, flags: int) -> _ParsedNetwork:
        return _ParsedNetwork()

    def create_builder_config(self) -> _BuilderConfig:
        return _BuilderConfig()

    def create_optimization_profile(self) -> _Anything:
        return _Anything()

    def build_serialized_network(self, network: _ParsedNetwork, config: _BuilderConfig) -> bytes:
        return network.onnx


class _Runtime:
    def __init__(self, listener: Any) -> None:
        self._listener = listener

    def deserialize_cuda_engine(self, plan: bytes) -> _Engine | None:
        try:
            return _Engine(plan)
        except Exception as error:  # the exceptions of ONNX Runtime have no base class of their own
            self._listener.log("error", str(error))
            return None


class _Engine:
    def __init__(self, plan: bytes) -> None:
        self.session = onnxruntime.InferenceSession(plan, providers=["CPUExecutionProvider"])
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        self.dtypes = {node.name: np.dtype(onnx_cuda.DTYPES[node.type]) for node in (*inputs, *outputs)}
        self.inputs = [node.name for node in inputs]
        self.outputs = [node.name for node in outputs]
        self.num_io_tensors = len(self.dtypes)

    def get_tensor_name(self, index: int) -> str:
        return list(self.dtypes)[index]

    def get_tensor_dtype(self, name: str) -> np.dtype:
        return self.dtypes[name]

    def get_tensor_mode(self, name: str) -> str:
        return "input" if name in self.inputs else "output"

    def create_runtime_config(self) -> SimpleNamespace:
        return SimpleNamespace(cuda_graph_strategy=0)

    def create_execution_context(self, settings: Any = None) -> _Context:
        return _Context(self, captures=settings is not None and settings.cuda_graph_strategy == _WHOLE_GRAPH)


class _Context:
    """The shapes of outputs are known only after a run, so it runs when the first shape is asked for."""

    def __init__(self, engine: _Engine, captures: bool) -> None:
        self._engine, self._captures = engine, captures
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._pointers: dict[str, int] = {}
        self._results: Mapping[str, np.ndarray] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self._shapes[name], self._results = shape, {}
        return True

    def set_tensor_address(self, name: str, pointer: int) -> None:
        self._pointers[name] = pointer

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        if not self._results:
            engine = self._engine
            arrays = {key: _at(self._pointers[key], self._shapes[key], engine.dtypes[key]) for key in engine.inputs}
            self._results = dict(zip(engine.outputs, engine.session.run(None, arrays), strict=True))
        return self._results[name].shape

    def execute_async_v3(self, stream: int) -> bool:
        if self._captures:
            _Cupti.tell("cuGraphLaunch")
        for name, result in self._results.items():
            _at(self._pointers[name], result.shape, result.dtype)[...] = result
        return True


class _Cupti:
    """`cupti.cupti`, as far as launches of graphs are counted with it; at most one subscriber, as CUPTI has it."""

    ApiCallbackSite = SimpleNamespace(API_ENTER=0, API_EXIT=1)
    CallbackDomain = SimpleNamespace(DRIVER_API=1)
    _callback: Callable[..., None] | None = None

    @classmethod
    def subscribe(cls, callback: Callable[..., None], userdata: object) -> int:
        cls._callback = callback
        return 1

    @staticmethod
    def enable_domain(enable: int, subscriber: int, domain: int) -> None: ...

    @classmethod
    def unsubscribe(cls, subscriber: int) -> None:
        cls._callback = None

    @classmethod
    def tell(cls, function: str) -> None:
        """Report a call as the driver does: once when it begins, once when it ends."""
        for site in (cls.ApiCallbackSite.API_ENTER, cls.ApiCallbackSite.API_EXIT):
            if cls._callback is not None:
                cls._callback(
                    None, cls.CallbackDomain.DRIVER_API, 0, SimpleNamespace(callback_site=site, function_name=function)
                )


_WHOLE_GRAPH = 1
_RTX = {"CudaGraphStrategy": SimpleNamespace(WHOLE_GRAPH_CAPTURE=_WHOLE_GRAPH)}
"""What TensorRT-RTX has in addition to TensorRT."""


def _tensorrt(name: str, more: Mapping[str, Any]) -> ModuleType:
    module = ModuleType(name)
    names = {
        "__version__": "10.0.rehearsal",
        "ILogger": type("ILogger", (), {}),
        "IProgressMonitor": type("IProgressMonitor", (), {}),
        "Logger": SimpleNamespace(ERROR="error", INTERNAL_ERROR="internal error"),
        "NetworkDefinitionCreationFlag": SimpleNamespace(STRONGLY_TYPED=0),
        "TensorIOMode": SimpleNamespace(INPUT="input", OUTPUT="output"),
        "nptype": lambda dtype: dtype,
        "OnnxParser": _OnnxParser,
        "Builder": _Builder,
        "Runtime": _Runtime,
        **more,
    }
    for key, value in names.items():
        setattr(module, key, value)
    return module
