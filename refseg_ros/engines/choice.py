"""Which runtime runs a bundle here: the best that works, and in one line why the better ones do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from refseg_ros.engines import stored
from refseg_ros.engines.bundle import Bundle
from refseg_ros.engines.contract import Engine
from refseg_ros.engines.cuda import first_gpu
from refseg_ros.engines.graphs import for_cpu
from refseg_ros.engines.onnx import OnnxEngine, physical_cores
from refseg_ros.engines.onnx_cuda import OnnxCudaEngine
from refseg_ros.engines.tensorrt import LIBRARIES, TensorRTEngine, library
from refseg_ros.errors import BundleError, EngineError, UnavailableError

Engines = Mapping[str, Engine]
"""File name of a graph -> its engine."""

T = TypeVar("T")


@dataclass(frozen=True)
class Choice(Generic[T]):
    """The runtime that was taken."""

    accepted: T
    """What `accept` made of its engines."""
    line: str
    """Which it is, and why no better one."""


@dataclass(frozen=True)
class _Candidate:
    title: str
    device: str
    engine: str
    load: Callable[[], Engines]
    at_once: int = 1
    """Engines that it can run at the same time."""


def choose_engines(
    bundle: Bundle,
    accept: Callable[[Engines, int], T],
    *,
    threads: int,
    device: str = "auto",
    engine: str = "auto",
) -> Choice[T]:
    """Load a bundle into the best runtime that is allowed and works.

    Args:
        bundle: to run.
        accept: takes the engines and how many of them may run at the same time, runs them once and returns what is
            wanted. If it raises BundleError or EngineError, the next runtime is tried.
        threads: that compute on the CPU; 0 for one on each physical core.
        device: one of `config.DEVICES`.
        engine: one of `config.ENGINES`.

    Raises:
        UnavailableError: no runtime that is allowed works; the message has the reason of each.
        BundleError: the bundle itself is refused.
    """
    candidates = [
        candidate
        for candidate in _candidates(bundle, threads)
        if device in ("auto", candidate.device) and engine in ("auto", candidate.engine)
    ]
    if not candidates:
        raise UnavailableError(f"engine {engine!r} does not run on device {device!r}")
    reasons: dict[str, list[str]] = {}
    for candidate in candidates:
        try:
            accepted = accept(candidate.load(), candidate.at_once)
        except (BundleError, EngineError) as error:
            if candidate.device == "cpu":  # no other runtime is left, and here the bundle is to blame
                raise
            reasons.setdefault(str(error), []).append(candidate.title)
            continue
        return Choice(accepted, _line(candidate.title, reasons))
    raise UnavailableError(
        f"the model cannot run on device {device!r} with engine {engine!r}: {'; '.join(_merged(reasons))}"
    )


def _candidates(bundle: Bundle, threads: int) -> Iterator[_Candidate]:
    """All runtimes, the best first."""
    for name, title in LIBRARIES.items():
        yield _Candidate(title, "cuda", "tensorrt", partial(_tensorrt, bundle, name))
    yield _Candidate("ONNX Runtime on the GPU", "cuda", "onnx", partial(_onnx_cuda, bundle))
    variants = [for_cpu(bundle, name) for name in bundle.manifest.graphs if for_cpu(bundle, name) != name]
    title = "ONNX Runtime on the CPU" + (f" with {', '.join(variants)}" if variants else "")
    yield _Candidate(title, "cpu", "onnx", partial(onnx_cpu, bundle, threads), at_once=threads or physical_cores())


def _tensorrt(bundle: Bundle, name: str) -> Engines:
    gpu = first_gpu()
    trt = library(name)
    here = stored.machine(trt, gpu)
    plans = {graph: stored.read(bundle, graph, here)[0] for graph in bundle.manifest.graphs}
    return {
        graph: TensorRTEngine(trt, gpu, plan, str(stored.engine_path(bundle, graph))) for graph, plan in plans.items()
    }


def _onnx_cuda(bundle: Bundle) -> Engines:
    gpu = first_gpu()
    return {
        name: OnnxCudaEngine(bundle.contents[name], str(bundle.folder / name), gpu) for name in bundle.manifest.graphs
    }


def onnx_cpu(bundle: Bundle, threads: int) -> Engines:
    """Load the graphs that a CPU runs fastest into ONNX Runtime; graphs of one step share the threads.

    Args:
        bundle: to run.
        threads: see `choose_engines`.

    Raises:
        BundleError: ONNX Runtime refuses a graph.
    """
    engines = {}
    for step in bundle.manifest.steps:
        share = threads if len(step) == 1 else max(1, (threads or physical_cores()) // len(step))
        for name in step:
            file = for_cpu(bundle, name)
            engines[name] = OnnxEngine(bundle.contents[file], str(bundle.folder / file), share)
    return engines


def _line(title: str, reasons: dict[str, list[str]]) -> str:
    return f"runs on {title}" + "".join(f"; not on {reason}" for reason in _merged(reasons))


def _merged(reasons: dict[str, list[str]]) -> list[str]:
    """One text for each reason, with the runtimes that have it."""
    return [f"{', '.join(titles)} ({reason})" for reason, titles in reasons.items()]
