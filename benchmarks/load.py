"""How much of the machine other work takes while something is measured."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

BUSY = 0.15
"""Other work on this share of the cores, or more, disturbs a measurement."""


class Load:
    """Measures what all cores do from now on, less the work of this process and of its ended children."""

    def __init__(self) -> None:
        """Begin now."""
        self._began, self._all, self._own = time.monotonic(), _all_seconds(), _own_seconds()

    def of_others(self) -> float:
        """Share of the machine's cores that other work took, 0 to 1."""
        lasted = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        taken = _all_seconds() - self._all - (_own_seconds() - self._own)
        return min(1.0, max(0.0, taken) / lasted)  # the kernel counts in ticks, which can be longer than `lasted`


def of_others(seconds: float = 3.0) -> float:
    """Watch the machine for some time: the share of its cores that other work takes."""
    load = Load()
    time.sleep(seconds)
    return load.of_others()


def _all_seconds() -> float:
    """Seconds that all cores together computed, or lost to the host of a virtual machine."""
    user, nice, system, _, _, interrupt, soft, stolen = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + interrupt + soft + stolen) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
