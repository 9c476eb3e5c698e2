"""What is tried on a GPU, each with a line on what came of it."""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np

from refseg_ros.doctor.finding import Finding, error, ok, warn
from refseg_ros.engines import stored
from refseg_ros.engines.build import BuildConfig, build
from refseg_ros.engines.graphs import of_precision
from refseg_ros.engines.network import Network
from refseg_ros.engines.onnx_cuda import PROVIDER
from refseg_ros.engines.parity import TOLERANCE, samples
from refseg_ros.engines.tensorrt import LIBRARIES
from refseg_ros.errors import BundleError
from refseg_ros.gpu_check.graph_launches import check_graphs
from refseg_ros.gpu_check.machine import Machine, Runtime
from refseg_ros.gpu_check.memory import check_memory
from refseg_ros.gpu_check.pipeline import QUERIES, Clip, counted_copies, difference, frames_of, network_of
from refseg_ros.segmenter import Segmenter

FRAMES = 50
"""Frames of the clip on which runtimes are compared."""
PRECISIONS = ("fp32", "fp16")
ROUNDS = 20
"""Frames that are timed; the median counts."""


def check_engines(machine: Machine) -> Iterator[Finding]:
    """Is every graph taken, and are engines built?"""
    for precision in PRECISIONS:
        try:
            graphs = {name: of_precision(machine.bundle, name, precision) for name in machine.bundle.manifest.graphs}
        except BundleError as refusal:
            yield warn(f"not tried in {precision}: {refusal}")
            continue
        if machine.has_provider:
            runtime = Runtime(f"ONNX Runtime in {precision}", precision, partial(machine.on_onnx, graphs))
            yield from machine.deadline.attempt(runtime.title, _taken(machine, runtime))
        for trt in machine.libraries:
            title = f"{LIBRARIES[trt.__name__]} in {precision}"
            yield from machine.deadline.attempt(title, _built(machine, trt, title, precision))


def _taken(machine: Machine, runtime: Runtime) -> Iterator[Finding]:
    graphs = runtime.load()
    machine.runtimes.append(runtime)
    yield ok(f"{runtime.title}: {len(graphs)} graphs are taken")


def _built(machine: Machine, trt: ModuleType, title: str, precision: str) -> Iterator[Finding]:
    bundle, began = machine.built(trt, precision), time.perf_counter()
    passports = build(bundle, trt, machine.gpu, BuildConfig(precision))
    took = f"in {time.perf_counter() - began:.0f} s"
    furthest = max(passport.parity for passport in passports.values())
    load, captures = partial(machine.on_tensorrt, trt, bundle), hasattr(trt, "CudaGraphStrategy")
    machine.runtimes.append(Runtime(title, precision, load, captures))
    yield ok(f"{title}: {len(passports)} engines were built {took}, off by {furthest:.2g} at most, graph by graph")


def check_parity(machine: Machine) -> Iterator[Finding]:
    """Do all runtimes answer as the CPU, and what does a frame take?"""
    reference = network_of(machine.bundle, machine.on_cpu())
    for runtime in machine.runtimes:
        yield from machine.deadline.attempt(f"{runtime.title} beside the CPU", _compared(machine, runtime, reference))


def _compared(machine: Machine, runtime: Runtime, reference: Network) -> Iterator[Finding]:
    bundle = machine.bundle
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
    yield ok(f"{runtime.title}: {np.median(spent):.2f} ms a frame with {QUERIES} expressions, from pixels to logits")


def check_refusals(machine: Machine) -> Iterator[Finding]:
    """Are engines of another machine and damaged ones refused, and does the library take good ones by itself?"""
    for trt in machine.libraries:
        title = LIBRARIES[trt.__name__]
        yield from machine.deadline.attempt(f"{title}'s refusals", _refused(machine, trt, title))
    if machine.has_provider:
        yield from machine.deadline.attempt("ONNX Runtime, as the library takes it", _taken_by_itself(machine))


def _refused(machine: Machine, trt: ModuleType, title: str) -> Iterator[Finding]:
    bundle = machine.built(trt, "fp32")
    if not stored.fit(bundle, stored.machine(trt, machine.gpu), **asdict(BuildConfig())):
        yield error(f"{title}: there are no engines that fit")
        return
    yield ok(f"{title}: {Segmenter(bundle.folder, device='cuda', engine='tensorrt').runtime}")
    path = stored.engine_path(bundle, bundle.manifest.graphs[0])
    passport = path.with_name(f"{path.name}.json")
    kept = {file: file.read_bytes() for file in (path, passport)}
    for what, spoil in (("of another GPU", partial(_rename, passport)), ("cut short", partial(_cut, path))):
        spoil()
        try:
            machine.on_tensorrt(trt, bundle)
        except BundleError as refusal:
            yield ok(f"{title}: an engine {what} is refused: {refusal}")
        else:
            yield error(f"{title}: an engine {what} was loaded")
        finally:
            for file, data in kept.items():
                file.write_bytes(data)


def _rename(passport: Path) -> None:
    passport.write_text(json.dumps({**json.loads(passport.read_text()), "gpu": "another"}))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _taken_by_itself(machine: Machine) -> Iterator[Finding]:
    yield ok(f"ONNX Runtime: {Segmenter(machine.bundle.folder, device='cuda', engine='onnx').runtime}")


def check_residence(machine: Machine) -> Iterator[Finding]:
    """Does what lies between the graphs stay on the GPU?"""
    for runtime in machine.runtimes:
        yield from machine.deadline.attempt(f"{runtime.title}'s copies", _copied(machine, runtime))
    if machine.has_provider:
        yield from machine.deadline.attempt("ONNX Runtime's profile", _profiled(machine))


def _copied(machine: Machine, runtime: Runtime) -> Iterator[Finding]:
    clip = Clip(machine.bundle, network_of(machine.bundle, runtime.load()))
    frames = frames_of(machine.bundle, 3)
    for index in (0, 1):
        clip.answer(frames[index], index * 0.01)
    with counted_copies(machine.gpu) as copies:
        clip.answer(frames[2], 0.02)  # it comes too early for the clip, so nothing is merged on the host
    # The image and the words go up; logits, presence and attention come down.
    line = f"{runtime.title}: a frame copies {copies['up']} arrays up and {copies['down']} down"
    yield ok(line) if copies["up"] <= 2 and copies["down"] <= 3 else error(f"{line}, instead of 2 and 3")


def _profiled(machine: Machine) -> Iterator[Finding]:
    """What ONNX Runtime's profiler counts within each graph."""
    from refseg_ros.engines import onnx_cuda  # its onnxruntime, which a rehearsal replaces

    inputs = samples(machine.bundle.manifest, len(machine.bundle.tokenizer()), machine.on_cpu())
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


CHECKS = (check_engines, check_parity, check_refusals, check_residence, check_memory, check_graphs)
"""In their order: the first finds the runtimes for the others."""
