"""What there is to check: the GPU, the bundle, and the runtimes that can run it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from refseg_ros.engines import stored
from refseg_ros.engines.bundle import Bundle
from refseg_ros.engines.contract import Engine
from refseg_ros.engines.cuda import Gpu
from refseg_ros.engines.onnx import OnnxEngine
from refseg_ros.engines.onnx_cuda import OnnxCudaEngine
from refseg_ros.engines.tensorrt import TensorRTEngine
from refseg_ros.gpu_check.deadline import Deadline

Engines = Mapping[str, Engine]
"""File name of a graph -> its engine."""


@dataclass(frozen=True)
class Runtime:
    """A way to run the bundle on the GPU.

    Attributes:
        title: what findings call it.
        precision: "fp32" or "fp16".
        load: makes its engines; errors as those of `OnnxCudaEngine` and `TensorRTEngine`.
        captures: whether its engines are asked to capture their work in a CUDA graph.
    """

    title: str
    precision: str
    load: Callable[[], Engines]
    captures: bool = False


@dataclass
class Machine:
    """What there is to check.

    Attributes:
        gpu: the GPU.
        bundle: of the model.
        folder: for what is built.
        libraries: TensorRT and TensorRT-RTX, as far as they are there.
        has_provider: whether ONNX Runtime's CUDA provider starts.
        is_rehearsal: whether the GPU is the host's memory.
        deadline: of all checks.
        runtimes: those that were found to work.
    """

    gpu: Gpu
    bundle: Bundle
    folder: Path
    libraries: list[ModuleType]
    has_provider: bool
    is_rehearsal: bool
    deadline: Deadline
    runtimes: list[Runtime] = field(default_factory=list)

    def built(self, trt: ModuleType, precision: str) -> Bundle:
        """The copy of the bundle that has the engines of a library; the same one at each call."""
        folder = self.folder / f"{trt.__name__}-{precision}"
        if not folder.exists():
            shutil.copytree(self.bundle.folder, folder)
        return Bundle.load(folder)

    def on_onnx(self, graphs: Mapping[str, str]) -> Engines:
        """ONNX Runtime's engines of graphs, given as name -> file of the bundle."""
        contents = self.bundle.contents
        return {name: OnnxCudaEngine(contents[graph], graph, self.gpu) for name, graph in graphs.items()}

    def on_tensorrt(self, trt: ModuleType, bundle: Bundle) -> Engines:
        """The engines of a bundle that `built` gave, with their passports."""
        here = stored.machine(trt, self.gpu)
        plans = {name: stored.read(bundle, name, here)[0] for name in bundle.manifest.graphs}
        return {name: TensorRTEngine(trt, self.gpu, plan, name) for name, plan in plans.items()}

    def on_cpu(self) -> Engines:
        """The graphs in fp32 on the CPU, with which all others are compared."""
        return {name: OnnxEngine(self.bundle.contents[name], name, 0) for name in self.bundle.manifest.graphs}
