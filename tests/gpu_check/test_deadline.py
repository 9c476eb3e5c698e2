"""Things that are tried one by one, as long as there is time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from refseg_ros.doctor.finding import Finding, error, ok, warn
from refseg_ros.errors import EngineError
from refseg_ros.gpu_check.deadline import Deadline


@pytest.mark.parametrize(
    ("failure", "words"),
    [(EngineError("it failed"), "it failed"), (RuntimeError("a driver\nsays"), "RuntimeError: a driver says")],
)
def test_what_is_raised_is_a_finding_of_its_own(failure: Exception, words: str) -> None:
    def failing() -> Iterator[Finding]:
        yield ok("begun")
        raise failure

    assert list(Deadline(600.0).attempt("this", failing())) == [ok("begun"), error(f"this: {words}")]


def test_nothing_begins_when_the_time_is_over() -> None:
    begun = []
    findings = Deadline(0.0).attempt("this", (begun.append(1) or ok("") for _ in range(1)))
    assert list(findings) == [warn("not tried, for the time is over: this")] and not begun
