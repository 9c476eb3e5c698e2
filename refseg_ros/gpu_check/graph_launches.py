"""Launches of CUDA graphs, as CUPTI sees them: it reports each call that any library makes to the driver.

TensorRT-RTX does not say whether it runs a graph. Not tried on a GPU yet: without one CUPTI only refuses.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from refseg_ros.doctor.finding import Finding, error, ok, warn
from refseg_ros.gpu_check.machine import Machine, Runtime
from refseg_ros.gpu_check.pipeline import Clip, frames_of, network_of
from refseg_ros.text import one_line

LAUNCH = "cuGraphLaunch"
"""Prefix of the driver's functions that launch a graph."""
PATIENCE = 20.0
"""Seconds to wait for the first launch: the kernels for a shape are compiled while frames are answered."""


def check_graphs(machine: Machine) -> Iterator[Finding]:
    """Are CUDA graphs captured and launched where they are asked for?"""
    for runtime in machine.runtimes:
        if runtime.captures:
            yield from machine.deadline.attempt(f"{runtime.title}'s CUDA graphs", _counted(machine, runtime))


def _counted(machine: Machine, runtime: Runtime) -> Iterator[Finding]:
    clip, frame = Clip(machine.bundle, network_of(machine.bundle, runtime.load())), frames_of(machine.bundle, 1)[0]
    with ExitStack() as stack:
        try:
            launches = stack.enter_context(counted_launches())
        except Exception as reason:  # of CUPTI, whatever it is
            yield warn(
                f"{runtime.title}: whether CUDA graphs are launched is not known, for CUPTI does not say it "
                f"({one_line(reason)}); pip install cupti-python, in the version of your CUDA"
            )
            return
        count, end = 0, time.monotonic() + PATIENCE
        while not launches and time.monotonic() < end:
            clip.answer(frame, count / 30)
            count += 1
        launches.clear()
        clip.answer(frame, count / 30)
    line = f"{runtime.title}: after {count} frames a frame launches {len(launches)} CUDA graphs"
    yield ok(line) if launches else error(f"{line}, although they are asked for")


@contextmanager
def counted_launches() -> Iterator[list[str]]:
    """Gather the launches of CUDA graphs in this process: the name of the driver's function for each.

    Raises:
        Exception: CUPTI or its Python module is not there, or it refuses.
    """
    from cupti import cupti

    launches: list[str] = []

    def called(userdata: object, domain: int, number: int, call: Any) -> None:
        if call.callback_site == cupti.ApiCallbackSite.API_ENTER and call.function_name.startswith(LAUNCH):
            launches.append(call.function_name)

    subscriber = cupti.subscribe(called, None)
    try:
        cupti.enable_domain(1, subscriber, cupti.CallbackDomain.DRIVER_API)
        yield launches
    finally:
        cupti.unsubscribe(subscriber)
