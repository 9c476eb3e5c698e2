"""Cleans text from outside for a terminal, a log, an error line, a message or a picture."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Iterable

SHOWN = 80
"""Most characters of a text from outside in a log."""
NEAR = 0.8
"""Lowest similarity of two names, from 0 to 1, at which one is suggested for the other."""
LONGEST_REASON = 300
"""Most characters of another library's error in one of ours."""

_USER = re.compile(r"(:/+)[^/\s]*@")
"""User and password before the host of an address; a password may hold an @ itself."""
_PASSWORD = re.compile(r"((?:pass|password|passwd|pas|pwd|psw|token|secret|key)=)[^&;/\s]*", re.IGNORECASE)
"""A password further on in an address, as some cameras want it: ".../user=admin&password=..."."""

_brief = reprlib.Repr()
_brief.maxstring = _brief.maxother = 100  # characters


def printable(text: str) -> str:
    """The text in one line for a terminal; "?" replaces characters that are not printable."""
    return "".join(character if character.isprintable() else "?" for character in " ".join(text.split()))


def drawable(text: str) -> str:
    """The text in one line of characters that OpenCV's font has; "?" replaces all others."""
    return "".join(character if " " <= character <= "~" else "?" for character in " ".join(text.split()))


def quoted(text: str) -> str:
    """The beginning of a text in quotes, in escaped ASCII, for a log or a reason."""
    return ascii(text[:SHOWN]) + ("..." if len(text) > SHOWN else "")


def brief(value: object) -> str:
    """A short form of a refused value of any type and size, for an error."""
    return _brief.repr(value)


def one_line(words: object) -> str:
    """Another library's error as part of a line of ours."""
    return " ".join(str(words).split())[:LONGEST_REASON]


def without_password(address: str) -> str:
    """A text for a log or an error, with dots for users and passwords in the addresses of streams in it."""
    return _PASSWORD.sub(r"\1...", _USER.sub(r"\1...@", address))


def transportable(text: str, longest: int) -> str:
    """The beginning of a text, without NUL and lone surrogates, as a ROS message can carry it."""
    kept = text[:longest].replace("\0", "\N{REPLACEMENT CHARACTER}")
    return kept.encode("utf-8", "replace").decode("utf-8")


def suggestion(name: str, names: Iterable[str]) -> str:
    """A hint to put after an unknown name: the most similar of `names`; empty if none is similar."""
    nearest = difflib.get_close_matches(name, list(names), n=1, cutoff=NEAR)
    return f"; did you mean {nearest[0]}?" if nearest else ""
