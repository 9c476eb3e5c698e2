"""ONNX Runtime on the CPU."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # a robot reports to nobody; read when the runtime is imported

import onnxruntime

from refseg_ros.errors import BundleError, EngineError
from refseg_ros.text import one_line

SPIN_MICROSECONDS = 20
"""Longest busy wait of a thread before it sleeps; old runtimes ignore it, and stop when the run ends at the latest."""


def physical_cores() -> int:
    """Cores that this process may use, each counted once however many threads it runs at a time."""
    siblings = set()
    for number in os.sched_getaffinity(0):
        try:
            path = Path(f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list")
            siblings.add(path.read_text())
        except OSError:  # a container may hide it
            siblings.add(str(number))
    return len(siblings)


def renew_memory() -> None:
    """Let all engines that are made from now on share one new arena, which grows only by what a run lacks.

    Otherwise each engine would keep an arena of its own, and double it when it is too small, though mostly one runs at
    a time. The arena of earlier engines goes back to the system with the last of them.
    """
    kind, of_all = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, onnxruntime.OrtMemType.DEFAULT
    grows_as_requested = onnxruntime.OrtArenaCfg({"arena_extend_strategy": 1})
    with contextlib.suppress(RuntimeError):  # an old runtime keeps the first one for good
        onnxruntime.create_and_register_allocator(onnxruntime.OrtMemoryInfo("Cpu", kind, 0, of_all), grows_as_requested)


renew_memory()


def refusal(name: str, error: Exception) -> BundleError:
    """The error for a model `name` that ONNX Runtime refuses to load."""
    return BundleError(
        f"{name}: ONNX Runtime {onnxruntime.__version__} refuses it ({one_line(error)}); "
        "export it again, or, if the model is one that ships, install ONNX Runtime 1.18 or newer"
    )


class OnnxEngine:
    """An ONNX file on the CPU; the contract is `Engine`."""

    def __init__(self, model: bytes, name: str, threads: int) -> None:
        """Load a model.

        Args:
            model: the bytes of the ONNX file.
            name: what error messages call it.
            threads: threads of a run; 0 for one on each physical core.

        Raises:
            BundleError: ONNX Runtime refuses the model.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # A thread that sleeps between two operators wakes up late; one that waits in a loop for long takes its core
        # from the other engines and from all else on the robot. So it waits this long, and never beyond the run.
        options.add_session_config_entry("session.intra_op.spin_duration_us", str(SPIN_MICROSECONDS))
        options.add_session_config_entry("session.force_spinning_stop", "1")
        options.add_session_config_entry("session.use_env_allocators", "1")
        options.enable_mem_pattern = False  # a plan for each shape of the inputs takes memory and saves no time
        options.log_severity_level = 4  # errors arrive as exceptions, not on stderr as well
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the exceptions of ONNX Runtime have no base class of their own
            raise refusal(name, error) from error
        self._name = name
        self.inputs = tuple(node.name for node in self._session.get_inputs())
        self.outputs = tuple(node.name for node in self._session.get_outputs())

    def run(self, arrays: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Run once; see `Engine.run`."""
        try:
            results = self._session.run(None, dict(arrays))
        except Exception as error:  # as above
            raise EngineError(f"{self._name} failed: {one_line(error)}") from error
        return dict(zip(self.outputs, results, strict=True))

    def zeros(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """See `Engine.zeros`."""
        return np.zeros(shape, dtype)
