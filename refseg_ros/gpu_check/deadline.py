"""How each thing is tried by itself, as long as there is time."""

from __future__ import annotations

import time
from collections.abc import Iterator

from refseg_ros.doctor.finding import Finding, error, warn
from refseg_ros.errors import BundleError, EngineError
from refseg_ros.text import one_line


class Deadline:
    """From when on nothing new begins.

    Args:
        seconds: until then.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until then; 0 afterwards."""
        return max(0.0, self._end - time.monotonic())

    def attempt(self, what: str, findings: Iterator[Finding]) -> Iterator[Finding]:
        """The findings of a thing, and one of what a driver or a library raised at it, so that the next one is tried.

        Args:
            what: the thing, as a finding names it.
            findings: made while they are read; none is where no time is left.
        """
        if not self.left:
            yield warn(f"not tried, for the time is over: {what}")
            return
        try:
            yield from findings
        except (BundleError, EngineError) as failure:
            yield error(f"{what}: {failure}")
        except Exception as failure:  # of a driver or a library, whatever it is
            yield error(f"{what}: {type(failure).__name__}: {one_line(failure)}")
