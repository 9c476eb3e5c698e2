"""TensorRT and TensorRT-RTX, which have the same interface, behind the engine contract.

Not tried on a GPU yet: without one engines can be built (TensorRT-RTX), but neither loaded nor run.
"""

from __future__ import annotations

import functools
import gc
import importlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from refseg_ros.engines.cuda import DeviceArray, Gpu
from refseg_ros.errors import BundleError, EngineError, UnavailableError
from refseg_ros.text import one_line

LIBRARIES = {"tensorrt": "TensorRT", "tensorrt_rtx": "TensorRT-RTX"}
"""Module -> how it is called; the first that is there and has an engine is taken."""

_INSTALL = {
    "tensorrt": "it comes with JetPack, or from NVIDIA for other machines",
    "tensorrt_rtx": "pip install tensorrt-rtx",
}
_LEAST = 10  # version of `tensorrt`: the first in which the graph alone says what has which precision


@functools.cache
def library(name: str) -> ModuleType:
    """Import `tensorrt` or `tensorrt_rtx`.

    Raises:
        UnavailableError: it is not there, cannot be imported or is too old.
    """
    try:
        module = importlib.import_module(name)
        version = str(module.__version__)
    except ModuleNotFoundError:
        raise UnavailableError(f"{name} is not installed ({_INSTALL[name]})") from None
    except Exception as error:  # such as a library for another CUDA, or a stub that fetches nothing
        raise UnavailableError(f"{name} cannot be imported ({one_line(error)})") from None
    if name == "tensorrt" and int(version.split(".")[0]) < _LEAST:
        raise UnavailableError(f"tensorrt {version} is older than {_LEAST} (JetPack 6)")
    return module


def listener(trt: ModuleType) -> Any:
    """A logger of TensorRT that keeps the last error in `said` and prints nothing."""

    class Listener(trt.ILogger):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.said = "no reason given"

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.Logger.ERROR, trt.Logger.INTERNAL_ERROR):
                self.said = one_line(message)

    return Listener()


@contextmanager
def uncollected() -> Iterator[None]:
    """Hold Python's collector of cycles back while the library loads or builds.

    It calls our logger while it holds a lock that its destructors take, too. If the collector runs in that call and
    finds a builder or runtime of an attempt that failed, the process waits for ever.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class TensorRTEngine:
    """A built engine; the contract is `Engine`. Its outputs stay on the GPU: they are `DeviceArray`."""

    @uncollected()
    def __init__(self, trt: ModuleType, gpu: Gpu, plan: bytes, name: str) -> None:
        """Load an engine.

        Args:
            trt: the library that built it.
            gpu: to run on.
            plan: the bytes of the engine, from a file that was checked.
            name: what error messages call it.

        Raises:
            BundleError: TensorRT refuses it.
            EngineError: it cannot run, as where the GPU has too little memory left.
        """
        self._gpu, self._name, self._lock = gpu, name, threading.Lock()
        self._listener = listener(trt)
        self._runtime = trt.Runtime(self._listener)
        engine = self._runtime.deserialize_cuda_engine(plan)
        if engine is None:
            raise BundleError(f"{name}: {LIBRARIES[trt.__name__]} refuses it ({self._listener.said}); build it again")
        self._engine = engine
        if hasattr(trt, "CudaGraphStrategy"):
            settings = engine.create_runtime_config()
            settings.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
            self._context = engine.create_execution_context(settings)
        else:
            self._context = engine.create_execution_context()
        if self._context is None:
            raise EngineError(f"{name}: {LIBRARIES[trt.__name__]} cannot run it on this GPU ({self._listener.said})")
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        self._dtypes = {name: np.dtype(trt.nptype(engine.get_tensor_dtype(name))) for name in names}
        wanted = [engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT for name in names]
        self.inputs = tuple(name for name, is_input in zip(names, wanted, strict=True) if is_input)
        self.outputs = tuple(name for name, is_input in zip(names, wanted, strict=True) if not is_input)

    def zeros(self, shape: tuple[int, ...], dtype: Any) -> DeviceArray:
        """See `Engine.zeros`."""
        return self._gpu.zeros(shape, dtype)

    def run(self, arrays: Mapping[str, Any]) -> dict[str, DeviceArray]:
        """Run once; see `Engine.run`. Arrays on the GPU are read where they are."""
        with self._lock:
            context = self._context
            placed = {name: self._gpu.place(arrays[name]) for name in self.inputs}
            for name, array in placed.items():
                if array.dtype != self._dtypes[name] or not context.set_input_shape(name, array.shape):
                    raise EngineError(f"{self._name}: was not built for `{name}` of {array.shape} {array.dtype}")
                context.set_tensor_address(name, array.pointer)
            results = {
                name: self._gpu.empty(context.get_tensor_shape(name), self._dtypes[name]) for name in self.outputs
            }
            for name, array in results.items():
                context.set_tensor_address(name, array.pointer)
            if not context.execute_async_v3(self._gpu.stream):
                raise EngineError(f"{self._name} failed: {self._listener.said}")
            return results
