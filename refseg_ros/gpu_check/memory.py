"""Checks what happens to a stream while another process has the memory of the GPU."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from refseg_ros.doctor.finding import Finding, ok
from refseg_ros.engines.bundle import Bundle
from refseg_ros.errors import BundleError, EngineError
from refseg_ros.gpu_check.machine import Machine, Runtime
from refseg_ros.gpu_check.pipeline import Clip, frames_of, network_of
from refseg_ros.interrupts import end_with_parent


def check_memory(machine: Machine) -> Iterator[Finding]:
    """Does a stream live on while another process has all memory, and does everything work again afterwards?"""
    for runtime in (runtime for runtime in machine.runtimes if runtime.precision == "fp32"):
        yield from machine.deadline.attempt(f"{runtime.title} without memory", _short_of_memory(machine, runtime))


def _short_of_memory(machine: Machine, runtime: Runtime) -> Iterator[Finding]:
    bundle, interval = machine.bundle, machine.bundle.manifest.clip.interval
    frames = frames_of(bundle, 2 * bundle.manifest.clip.length)
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
    """Let another process take all free memory of the GPU; gives the number of bytes."""
    command = [sys.executable, "-m", "refseg_ros.gpu_check.hog", *["--rehearse"] * is_rehearsal]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=end_with_parent
    ) as hog:
        assert hog.stdin is not None and hog.stdout is not None
        try:
            yield int(hog.stdout.readline())
        finally:
            hog.stdin.close()


def _loaded(bundle: Bundle, runtime: Runtime) -> None:
    """Load the model once more; it runs once."""
    network_of(bundle, runtime.load())


def _tried(what: str, step: Callable[[], object]) -> Finding:
    """Try a step. Both outcomes are fine: it works, or it is refused in one line."""
    try:
        step()
    except (EngineError, BundleError) as refusal:
        return ok(f"{what} is refused: {refusal}")
    return ok(f"{what} works")
