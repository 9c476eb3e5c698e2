"""Arrays in the memory of a GPU, through `cuda-bindings`, so that what one graph gives to the next stays there.

Not tried on a GPU yet: without one, only the refusals and the arithmetic of views could be tried.
"""

from __future__ import annotations

import ctypes
import functools
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from refseg_ros.errors import EngineError, UnavailableError


class Gpu:
    """The first GPU: its memory, and one stream on which all work of this process is done in order.

    Memory that an array gives back is kept for the next one of its size: frames after the first allocate nothing.

    Attributes:
        name: of the GPU.
        compute_capability: such as "8.7".
        stream: handle of the stream, as other libraries want it.
    """

    def __init__(self, runtime: ModuleType) -> None:
        """Take the GPU.

        Args:
            runtime: `cuda.bindings.runtime`.

        Raises:
            UnavailableError: there is no GPU that CUDA can use.
        """
        self._runtime = runtime
        self._free: defaultdict[int, list[int]] = defaultdict(list)
        try:
            self.call(runtime.cudaGetDeviceCount)
            properties = self.call(runtime.cudaGetDeviceProperties, 0)
            self.stream = int(self.call(runtime.cudaStreamCreate))
        except EngineError as error:
            raise UnavailableError(f"no GPU that can be used ({error})") from None
        self.name = properties.name.decode()
        self.compute_capability = f"{properties.major}.{properties.minor}"

    def call(self, function: Callable[..., tuple], *arguments: Any) -> Any:
        """Call a function of the CUDA runtime and return its value.

        Raises:
            EngineError: with CUDA's own words.
        """
        status, *values = function(*arguments)
        if int(status) != 0:
            words = self._runtime.cudaGetErrorString(status)[1].decode()
            raise EngineError(f"{function.__name__}: {words}")
        return values[0] if values else None

    def empty(self, shape: Sequence[int], dtype: Any) -> DeviceArray:
        """Make an array of any content."""
        size = max(1, math.prod(shape) * np.dtype(dtype).itemsize)
        return DeviceArray(self, shape, dtype, _Block(self, size, self._free[size]))

    def zeros(self, shape: Sequence[int], dtype: Any) -> DeviceArray:
        """Make an array of zeros."""
        array = self.empty(shape, dtype)
        array[:] = 0
        return array

    def place(self, array: DeviceArray | np.ndarray) -> DeviceArray:
        """The array itself if it is on the GPU, else a copy there."""
        if isinstance(array, DeviceArray):
            return array
        placed = self.empty(array.shape, array.dtype)
        self.copy(placed.pointer, np.ascontiguousarray(array), placed.nbytes)
        return placed

    def copy(self, target: int | np.ndarray, source: int | np.ndarray, size: int) -> None:
        """Copy bytes; addresses are on the GPU, arrays on the host. A copy to the host is complete on return."""
        copy, kinds = self._runtime.cudaMemcpyAsync, self._runtime.cudaMemcpyKind
        if isinstance(target, np.ndarray):
            self.call(copy, target.ctypes.data, source, size, kinds.cudaMemcpyDeviceToHost, self.stream)
            self.call(self._runtime.cudaStreamSynchronize, self.stream)
        elif isinstance(source, np.ndarray):
            self.call(copy, target, source.ctypes.data, size, kinds.cudaMemcpyHostToDevice, self.stream)
        else:
            self.call(copy, target, source, size, kinds.cudaMemcpyDeviceToDevice, self.stream)

    def clear(self, target: int, size: int) -> None:
        """Set bytes to zero."""
        self.call(self._runtime.cudaMemsetAsync, target, 0, size, self.stream)

    def allocate(self, size: int) -> int:
        """Address of new memory."""
        return int(self.call(self._runtime.cudaMalloc, size))


class _Block:
    """Memory that goes back to the free blocks of its size when nothing refers to it any more.

    That is safe: the work of the next owner waits on the same stream for all earlier work.
    """

    def __init__(self, gpu: Gpu, size: int, free: list[int]) -> None:
        self._free = free
        try:
            self.pointer = free.pop()
        except IndexError:
            self.pointer = gpu.allocate(size)

    def __del__(self) -> None:
        if hasattr(self, "pointer"):
            self._free.append(self.pointer)


class DeviceArray:
    """A C-contiguous array on the GPU, with what the memories and the network need: views, copies, download.

    Attributes:
        shape, dtype: as NumPy's.
        pointer: address on the GPU.
        nbytes: size.
    """

    def __init__(self, gpu: Gpu, shape: Sequence[int], dtype: Any, owner: Any, pointer: int | None = None) -> None:
        """Describe memory; `owner` keeps it alive and has a `pointer` unless one is given."""
        self._gpu, self._owner = gpu, owner
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)
        self.pointer = owner.pointer if pointer is None else pointer
        self.nbytes = math.prod(self.shape) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int | slice) -> DeviceArray:
        rows = range(self.shape[0])[index]
        first, shape = (rows, ()) if isinstance(rows, int) else (rows.start, (len(rows),))
        if isinstance(rows, range) and rows.step != 1:
            raise IndexError("rows of an array on the GPU are taken one after the other")
        row = math.prod(self.shape[1:]) * self.dtype.itemsize
        return DeviceArray(self._gpu, (*shape, *self.shape[1:]), self.dtype, self._owner, self.pointer + first * row)

    def __setitem__(self, index: int | slice, value: DeviceArray | np.ndarray | int) -> None:
        view = self[index]
        if isinstance(value, int) and value == 0:
            self._gpu.clear(view.pointer, view.nbytes)
            return
        if not isinstance(value, DeviceArray | np.ndarray) or (value.shape, value.dtype) != (view.shape, view.dtype):
            raise ValueError(f"an array on the GPU of {view.shape} {view.dtype} takes 0 or an array like itself")
        source = value.pointer if isinstance(value, DeviceArray) else np.ascontiguousarray(value)
        self._gpu.copy(view.pointer, source, view.nbytes)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Download; `np.asarray` calls it."""
        if copy is False:
            raise ValueError("an array on the GPU cannot be read without a copy")
        array = np.empty(self.shape, self.dtype)
        self._gpu.copy(array, self.pointer, self.nbytes)
        return array if dtype is None else array.astype(dtype, copy=False)


@functools.cache
def first_gpu() -> Gpu:
    """The GPU that all engines of this process share.

    Raises:
        UnavailableError: there is none, or `cuda-bindings` is missing.
    """
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        raise UnavailableError("no GPU that can be used (no NVIDIA driver)") from None
    try:
        from cuda.bindings import runtime
    except ImportError:
        raise UnavailableError("cuda-bindings is not installed (pip install cuda-bindings)") from None
    return Gpu(runtime)
