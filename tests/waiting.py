"""Waiting for what other processes do."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")
PATIENCE = 120.0
"""Seconds after which something that has to come is missing; far beyond what it takes."""


def until(look: Callable[[], Value], what: str, process: subprocess.Popen | None = None) -> Value:
    """What `look` gives as soon as it is something; where it comes from a process, that has to run until then."""
    end = time.monotonic() + PATIENCE
    while not (found := look()):
        if time.monotonic() > end or (process is not None and process.poll() is not None):
            said = ()
            if process is not None:
                process.kill()
                said = process.communicate()
            raise AssertionError(f"{what} did not come {said}")
        time.sleep(0.01)
    return found
