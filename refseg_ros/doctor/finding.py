"""The result of a check."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Level(IntEnum):
    """Severity of a finding."""

    OK = 0
    WARN = 1
    """Works, but could be better, or may not be what you want."""
    ERROR = 2
    """Something does not work."""


class Finding(NamedTuple):
    """One line of the doctor: the state and, unless it is good, what to do."""

    level: Level
    text: str


def ok(text: str) -> Finding:
    """A good state."""
    return Finding(Level.OK, text)


def warn(text: str) -> Finding:
    """A state that could be better."""
    return Finding(Level.WARN, text)


def error(text: str) -> Finding:
    """A state that does not work."""
    return Finding(Level.ERROR, text)
