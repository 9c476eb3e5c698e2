"""What is tried on a GPU, each with a line on what came of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np

from refseg_ros.doctor.finding import Finding, error, ok, warn
from refseg_ros.engines import stored
from refseg_ros.engines.build import BuildConfig, build
from refseg_ros.engines.bundle import Bundle
from refseg_ros.engines.contract import Engine
from refseg_ros.engines.cuda import Gpu
from refseg_ros.engines.graphs import of_precision
from refseg_ros.engines.onnx import OnnxEngine
from refseg_ros.engines.onnx_cuda import PROVIDER, OnnxCudaEngine
from refseg_ros.engines.parity import TOLERANCE, samples
from refseg_ros.engines.tensorrt import LIBRARIES, TensorRTEngine
from refseg_ros.errors import BundleError, EngineError
from refseg_ros.gpu_check.pipeline import QUERIES, Clip, counted_copies, difference, frames_of, network_of
from refseg_ros.segmenter import Segmenter

FRAMES = 50
"""Frames of the clip on which runtimes are compared."""
PRECISIONS = ("fp32", "fp16")
ROUNDS = 20
"""Frames whose median is the time of a frame."""

Engines = Mapping[str, Engine]


@dataclass(frozen=True)
class Runtime:
    """A way to run the bundle on the GPU."""

    title: str
    precision: str
    load: Callable[[], Engines]


@dataclass
class Machine:
    """What there is to check.

    Attributes:
        gpu: the GPU.
        bundle: of the model.
        folder: for what is built.
        libraries: TensorRT and TensorRT-RTX, as far as they are there.
        has_provider: whether ONNX Runtime has its CUDA provider.
        is_rehearsal: whether the GPU is the host's memory.
        runtimes: those that were found to work.
    """

    gpu: Gpu
    bundle: Bundle
    folder: Path
    libraries: list[ModuleType]
    has_provider: bool
    is_rehearsal: bool
    runtimes: list[Runtime] = field(default_factory=list)

    def built(self, trt: ModuleType, precision: str) -> Bundle:
        """The copy of the bundle that has the engines of a library; the same one at each call."""
        folder = self.folder / f"{trt.__name__}-{precision}"
        if not folder.exists():
            shutil.copytree(self.bundle.folder, folder)
        return Bundle.load(folder)


def check_engines(machine: Machine) -> Iterator[Finding]:
    """Is every graph taken, and are engines built?"""
    for precision in PRECISIONS:
        try:
            graphs = {name: of_precision(machine.bundle, name, precision) for name in machine.bundle.manifest.graphs}
        except BundleError as refusal:
            yield warn(f"not tried in {precision}: {refusal}")
            continue
        if machine.has_provider:
            load = partial(_on_onnx, machine, graphs)
            load()
            machine.runtimes.append(Runtime(f"ONNX Runtime in {precision}", precision, load))
            yield ok(f"ONNX Runtime in {precision}: {len(graphs)} graphs are taken")
        for trt in machine.libraries:
            title, bundle = f"{LIBRARIES[trt.__name__]} in {precision}", machine.built(trt, precision)
            began = time.perf_counter()
            try:
                passports = build(bundle, trt, machine.gpu, BuildConfig(precision))
            except (BundleError, EngineError) as failure:
                yield error(f"{title}: {failure}")
                continue
            furthest = max(passport.parity for passport in passports.values())
            machine.runtimes.append(Runtime(title, precision, partial(_on_tensorrt, machine, trt, bundle)))
            took = f"in {time.perf_counter() - began:.0f} s"
            yield ok(
                f"{title}: {len(passports)} engines were built {took}, off by {furthest:.2g} at most, graph by graph"
            )


def _on_onnx(machine: Machine, graphs: Mapping[str, str]) -> Engines:
    contents = machine.bundle.contents
    return {name: OnnxCudaEngine(contents[graph], graph, machine.gpu) for name, graph in graphs.items()}


def _on_tensorrt(machine: Machine, trt: ModuleType, bundle: Bundle) -> Engines:
    """The engines of a bundle, with their passports."""
    here = stored.machine(trt, machine.gpu)
    plans = {name: stored.read(bundle, name, here)[0] for name in bundle.manifest.graphs}
    return {name: TensorRTEngine(trt, machine.gpu, plan, name) for name, plan in plans.items()}


def _on_cpu(bundle: Bundle) -> Engines:
    """The graphs in fp32 on the CPU, which all are held to."""
    return {name: OnnxEngine(bundle.contents[name], name, 0) for name in bundle.manifest.graphs}


def check_parity(machine: Machine) -> Iterator[Finding]:
    """Do all runtimes answer as the CPU, and what does a frame take?"""
    bundle = machine.bundle
    reference = network_of(bundle, _on_cpu(bundle))
    for runtime in machine.runtimes:
        network = network_of(bundle, runtime.load())
        share = difference(bundle, network, reference, FRAMES)
        line = f"{runtime.title}: {FRAMES} frames are off by {share:.2g} of the norm of the CPU's logits at most"
        limit = TOLERANCE[runtime.precision]
        yield ok(line) if share <= limit else error(f"{line}, which is more than {limit:g}")
        clip, spent = Clip(bundle, network), []
        for index, frame in enumerate(frames_of(bundle, ROUNDS)):
            began = time.perf_counter()
            clip.answer(frame, index / 30)
            spent.append(1e3 * (time.perf_counter() - began))
        yield ok(
            f"{runtime.title}: {np.median(spent):.2f} ms a frame with {QUERIES} expressions, from pixels to logits"
        )


def check_refusals(machine: Machine) -> Iterator[Finding]:
    """Are engines of another machine and damaged ones refused, and does the library take good ones by itself?"""
    for trt in machine.libraries:
        title, bundle = LIBRARIES[trt.__name__], machine.built(trt, "fp32")
        if not stored.fit(bundle, stored.machine(trt, machine.gpu), **asdict(BuildConfig())):
            yield error(f"{title}: there are no engines that fit")
            continue
        yield ok(f"{title}: {Segmenter(bundle.folder, device='cuda', engine='tensorrt').runtime}")
        path = stored.engine_path(bundle, bundle.manifest.graphs[0])
        passport = path.with_name(f"{path.name}.json")
        kept = {file: file.read_bytes() for file in (path, passport)}
        for what, spoil in (("of another GPU", partial(_rename, passport)), ("cut short", partial(_cut, path))):
            spoil()
            try:
                _on_tensorrt(machine, trt, bundle)
            except BundleError as refusal:
                yield ok(f"{title}: an engine {what} is refused: {refusal}")
            else:
                yield error(f"{title}: an engine {what} was loaded")
            for file, data in kept.items():
                file.write_bytes(data)
    if machine.has_provider:
        yield ok(f"ONNX Runtime: {Segmenter(machine.bundle.folder, device='cuda', engine='onnx').runtime}")


def _rename(passport: Path) -> None:
    passport.write_text(json.dumps({**json.loads(passport.read_text()), "gpu": "another"}))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def check_residence(machine: Machine) -> Iterator[Finding]:
    """Does what lies between the graphs stay on the GPU?"""
    for runtime in machine.runtimes:
        clip = Clip(machine.bundle, network_of(machine.bundle, runtime.load()))
        frames = frames_of(machine.bundle, 3)
        for index in (0, 1):
            clip.answer(frames[index], index * 0.01)
        with counted_copies(machine.gpu) as copies:
            clip.answer(frames[2], 0.02)  # it comes too early for the clip, so nothing is merged on the host
        # The image and the words go up; logits, presence and attention come down.
        line = f"{runtime.title}: a frame copies {copies['up']} arrays up and {copies['down']} down"
        yield ok(line) if copies["up"] <= 2 and copies["down"] <= 3 else error(f"{line}, instead of 2 and 3")
    if machine.has_provider:
        yield from _profiled(machine)
    for trt in machine.libraries:
        captures = hasattr(trt, "CudaGraphStrategy")
        how = "captures its work in a CUDA graph" if captures else "has no setting for a CUDA graph"
        yield ok(f"{LIBRARIES[trt.__name__]} {how}")


def _profiled(machine: Machine) -> Iterator[Finding]:
    """What ONNX Runtime's profiler counts within each graph."""
    from refseg_ros.engines import onnx_cuda  # its onnxruntime, which a rehearsal replaces

    inputs = samples(machine.bundle.manifest, len(machine.bundle.tokenizer()), _on_cpu(machine.bundle))
    for name in machine.bundle.manifest.graphs:
        with tempfile.TemporaryDirectory() as folder:
            options = onnx_cuda.onnxruntime.SessionOptions()
            options.enable_profiling, options.profile_file_prefix = True, f"{folder}/profile"
            session = onnx_cuda.onnxruntime.InferenceSession(
                machine.bundle.contents[name], options, providers=[PROVIDER, "CPUExecutionProvider"]
            )
            session.run(None, {key: np.ascontiguousarray(array) for key, array in inputs[name].items()})
            events = json.loads(Path(session.end_profiling()).read_bytes())
        kinds = [event.get("args", {}).get("op_name", "") for event in events if event.get("cat") == "Node"]
        places = Counter(event.get("args", {}).get("provider") for event in events if event.get("cat") == "Node")
        trips = sum(kind.startswith("Memcpy") for kind in kinds)
        host = places["CPUExecutionProvider"]
        line = f"{name} in ONNX Runtime: {trips} copies between host and GPU within the graph, {host} nodes on the CPU"
        yield ok(line) if not trips else warn(line)


def check_memory(machine: Machine) -> Iterator[Finding]:
    """Does a stream live on while another process has all memory, and does everything work again afterwards?"""
    bundle, interval = machine.bundle, machine.bundle.manifest.clip.interval
    frames = frames_of(bundle, 2 * bundle.manifest.clip.length)
    for runtime in (runtime for runtime in machine.runtimes if runtime.precision == "fp32"):
        clip = Clip(bundle, network_of(bundle, runtime.load()))
        for index, frame in enumerate(frames[:-1]):
            clip.answer(frame, index * interval)
        with _memory_taken(machine.is_rehearsal) as size:
            title = f"{runtime.title}, while another process has the other {size / 1e9:.1f} GB"
            yield _tried(f"{title}: the next frame", partial(clip.answer, frames[-1], len(frames) * interval))
            yield _tried(f"{title}: a new model", partial(_loaded, bundle, runtime))
        _loaded(bundle, runtime)
        clip.answer(frames[0], 2 * len(frames) * interval)
        yield ok(f"{runtime.title}: the stream and a new model work when the memory is free again")


@contextmanager
def _memory_taken(is_rehearsal: bool) -> Iterator[int]:
    """Another process that has all the memory of the GPU that is free; gives the bytes."""
    command = [sys.executable, "-m", "refseg_ros.gpu_check.hog", *["--rehearse"] * is_rehearsal]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as hog:
        assert hog.stdin is not None and hog.stdout is not None
        try:
            yield int(hog.stdout.readline())
        finally:
            hog.stdin.close()


def _loaded(bundle: Bundle, runtime: Runtime) -> None:
    """Load the model once more; it runs once."""
    network_of(bundle, runtime.load())


def _tried(what: str, step: Callable[[], object]) -> Finding:
    """Both will do: that it works, and that it is refused in one line."""
    try:
        step()
    except (EngineError, BundleError) as refusal:
        return ok(f"{what} is refused: {refusal}")
    return ok(f"{what} works")


CHECKS = (check_engines, check_parity, check_refusals, check_residence, check_memory)
"""In their order: the first finds the runtimes for the others."""
