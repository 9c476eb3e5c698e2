"""What people write between two expressions."""

from __future__ import annotations

import re

from refseg_ros.expression import tokenise
from refseg_ros.language.noun_phrases import courtesy, head_noun, request

LONGEST = 300
"""Characters of a text that are looked at, since any text may come."""

_MARKS = (
    ";|\n\r"
    "\N{GREEK QUESTION MARK}\N{ARABIC COMMA}\N{ARABIC SEMICOLON}\N{IDEOGRAPHIC COMMA}\N{IDEOGRAPHIC FULL STOP}"
    "\N{SMALL COMMA}\N{SMALL IDEOGRAPHIC COMMA}\N{SMALL SEMICOLON}\N{FULLWIDTH COMMA}\N{FULLWIDTH FULL STOP}"
    "\N{FULLWIDTH SEMICOLON}\N{FULLWIDTH VERTICAL LINE}\N{HALFWIDTH IDEOGRAPHIC COMMA}"
)
_AND = r"\band\b|(?<=\s)[&\N{FULLWIDTH AMPERSAND}](?=\s)"
_SEPARATOR = re.compile(
    # "1,5", "1.5", "Dr. Pepper", "w/o", "1/2" and a mark at the end are left out.
    rf"(?:[{_MARKS}]|(?<!\d),|,(?!\d)|(?P<weak>(?<=\w\w\w)\.(?=\s)|(?<=\w\w)/(?=\w\w)|{_AND}))(?=\s*\S)",
    re.IGNORECASE,
)
_BETWEEN = re.compile(rf"\bbetween\b[^,{_MARKS}]*?(?:{_AND})", re.IGNORECASE)
"""Words that need their "and"."""


def separator_in(text: str) -> str:
    """What looks like a separator of several expressions in a text; empty if nothing does.

    What only asks or thanks is no expression, so nothing separates "robot, find the mug" or "the mug, please".
    An "and", a full stop or a slash counts only if there is a noun on each side of it, so not in "the black and white
    mug".
    """
    text = _BETWEEN.sub("", text[:LONGEST])
    for found in _SEPARATOR.finditer(text):
        sides = (text[: found.start()], text[found.end() :])
        if all((_has_noun if found["weak"] else _says_something)(tokenise(side)) for side in sides):
            return found.group()
    return ""


def _has_noun(words: list[str]) -> bool:
    return head_noun(words) is not None


def _says_something(words: list[str]) -> bool:
    return request(words) + courtesy(words) < len(words)
