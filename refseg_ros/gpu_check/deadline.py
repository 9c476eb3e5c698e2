"""Tries each thing by itself, as long as there is time."""

from __future__ import annotations

import time
from collections.abc import Iterator

from refseg_ros.doctor.finding import Finding, error, warn
from refseg_ros.errors import BundleError, EngineError
from refseg_ros.text import one_line


class Deadline:
    """The moment from which on nothing new begins.

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
        """Give the findings of a check; an error becomes a finding, too, so that the next check runs.

        Args:
            what: name of the check in findings.
            findings: made while they are read; not read if no time is left.
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
