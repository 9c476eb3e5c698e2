"""Arrays on a GPU: how views are found, which needs none; what is said where there is none; and all the rest on one."""

from __future__ import annotations

import ctypes
import re
import sys

import numpy as np
import pytest

from refseg_ros.engines.cuda import DeviceArray, Gpu, first_gpu
from refseg_ros.errors import BundleError, UnavailableError


class Memory:
    """The owner of an address that nobody reads."""

    pointer = 4096


def somewhere(*shape: int) -> DeviceArray:
    return DeviceArray(None, shape, np.float32, Memory())


def test_views_are_found_where_numpy_finds_them():
    for shape in ((4,), (3, 2), (5, 7, 3)):
        ours, theirs = somewhere(*shape), np.zeros(shape, np.float32)
        assert (ours.shape, ours.dtype, ours.nbytes, len(ours)) == (shape, theirs.dtype, theirs.nbytes, len(theirs))
        for index in (0, len(theirs) - 1, -1, -len(theirs), slice(None), slice(1, 3), slice(1, None), slice(-1, None)):
            offset = np.asarray(theirs[index : index + 1 or None] if isinstance(index, int) else theirs[index])
            offset = offset.__array_interface__["data"][0] - theirs.__array_interface__["data"][0]
            view = ours[index]
            assert view.pointer - ours.pointer == offset, (shape, index)
            assert view.shape == theirs[index].shape and view.nbytes == theirs[index].nbytes
        assert ours[1:1].shape == theirs[1:1].shape and ours[1:1].nbytes == 0
        with pytest.raises(IndexError):
            ours[len(theirs)]


def test_what_cannot_be_a_view_is_refused():
    with pytest.raises(IndexError, match="one after the other"):
        somewhere(4, 2)[::2]
    for value in (np.zeros((4, 3), np.float32), np.zeros((4, 2)), 1, None, somewhere(4, 1)):
        with pytest.raises(ValueError, match=re.escape("of (4, 2) float32 takes 0 or an array like itself")):
            somewhere(4, 2)[:] = value


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: None)  # the driver is there
    monkeypatch.setitem(sys.modules, "cuda.bindings", None)
    with pytest.raises(UnavailableError, match="cuda-bindings is not installed") as caught:
        first_gpu.__wrapped__()
    assert isinstance(caught.value, BundleError) and "\n" not in str(caught.value)


def test_a_missing_driver_is_said_whether_its_libraries_are_there_or_not(monkeypatch):
    def missing(name):
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", missing)
    with pytest.raises(UnavailableError, match=re.escape("no GPU that can be used (no NVIDIA driver)")):
        first_gpu.__wrapped__()


def test_a_missing_gpu_is_said_in_the_words_of_cuda():
    reason = "cuda-bindings is not installed (pip install cuda-bindings)"
    runtime = pytest.importorskip("cuda.bindings.runtime", reason=reason)
    try:
        gpu = Gpu(runtime)
    except UnavailableError as error:
        assert re.fullmatch(r"no GPU that can be used \(cudaGetDeviceCount: .+\)", str(error))
        return
    assert re.fullmatch(r"\d+\.\d+", gpu.compute_capability) and gpu.name


@pytest.fixture
def gpu() -> Gpu:
    try:
        return first_gpu()
    except UnavailableError as error:
        pytest.skip(str(error))


def test_arrays_keep_what_is_written_to_them(gpu):
    rng = np.random.default_rng(0)
    expected = np.zeros((4, 3, 2), np.float32)
    array = gpu.zeros(expected.shape, np.float32)
    for index in (2, -1, slice(1, 3), slice(None)):
        value = rng.random(expected[index].shape, np.float32)
        expected[index] = value
        array[index] = value if index == 2 else gpu.place(value)
        assert np.array_equal(np.asarray(array), expected)
    assert gpu.place(array) is array
    array[1] = 0
    expected[1] = 0
    assert np.array_equal(np.asarray(array), expected)


def test_memory_is_taken_again(gpu):
    first = gpu.empty((1234, 5), np.float32)
    address = first.pointer
    view = first[3:]
    del first
    assert gpu.empty((1234, 5), np.float32).pointer != address, "a view keeps the memory"
    del view
    assert gpu.empty((1234, 5), np.float32).pointer == address
