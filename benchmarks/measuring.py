"""Measures things in turn; tables for the results."""

from __future__ import annotations

import dataclasses
import os
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection

import numpy as np

CORES = len(os.sched_getaffinity(0))
"""Cores that this process may use; everything is given as many threads."""

TEXT = "the red mug on left"
"""An expression of five words."""


@dataclass
class Table:
    """One table of the report."""

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    curves: dict[str, tuple[list[float], list[float]]] = field(default_factory=dict)
    """For the plot: name -> x and y; the axes are the two `labels`."""
    labels: tuple[str, str] = ("", "")
    figures: dict[str, float] = field(default_factory=dict)
    """Figures that have an aim in `aims.AIMS`, by their key there."""

    def as_json(self) -> dict[str, object]:
        """The table as nested dicts and lists."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Effort:
    """How long each comparison may take."""

    seconds: float = 20.0
    """Time of a comparison, after which no new round is begun."""
    least: int = 5
    """Rounds at least."""
    most: int = 101
    """Rounds at most."""
    soak: float = 600.0
    """Seconds that the node is watched for."""
    whole: bool = True
    """Whether to include what takes minutes."""
    busy: bool = False
    """Whether other work takes the cores: then the computing time of this process is measured, not the clock's."""


def in_turn(steps: Mapping[str, Callable[[], object]], effort: Effort, warm_up: int = 2) -> dict[str, np.ndarray]:
    """Run each step once per round, one after the other, so that other work on the machine affects all of them.

    Returns:
        Name -> (rounds,) seconds.
    """
    for _ in range(warm_up):
        for step in steps.values():
            step()
    clock = time.process_time if effort.busy else time.perf_counter
    times: dict[str, list[float]] = {name: [] for name in steps}
    began, rounds = time.perf_counter(), 0
    while rounds < effort.least or (rounds < effort.most and time.perf_counter() - began < effort.seconds):
        rounds += 1
        for name, step in steps.items():
            start = clock()
            step()
            times[name].append(clock() - start)
    return {name: np.array(values) for name, values in times.items()}


def ratio(slow: np.ndarray, fast: np.ndarray) -> float:
    """How many times slower: the median of the ratios of the rounds."""
    return float(np.median(slow / fast))


def peak_of(step: Callable[[], object]) -> int:
    """Bytes that a step adds to the peak of memory, in a child process; no thread may have run in this one."""
    context = get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_report_peak, args=(step, theirs))
    child.start()
    theirs.close()
    try:
        return int(ours.recv())
    except EOFError:
        raise MemoryError("the process that was measured ended early") from None
    finally:
        child.join()


def _report_peak(step: Callable[[], object], answer: Connection) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer.send(1024 * max(4, after - before))  # not less than a page


def milliseconds(seconds: np.ndarray | float) -> str:
    """Milliseconds for a table; of an array the median."""
    value = 1e3 * float(np.median(seconds))
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def megabytes(size: float) -> str:
    """Megabytes for a table."""
    return f"{size / 1e6:.0f}" if size >= 1e7 else f"{size / 1e6:.1f}"
