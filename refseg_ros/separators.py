"""What people write between two expressions."""

from __future__ import annotations

import re

from refseg_ros.expression import tokenise
from refseg_ros.language.noun_phrases import head_noun

LONGEST = 300
"""Characters of a text that are looked at, since any text may come."""

_MARKS = (
    ",;|\n\r"
    "\N{GREEK QUESTION MARK}\N{ARABIC COMMA}\N{ARABIC SEMICOLON}\N{IDEOGRAPHIC COMMA}\N{IDEOGRAPHIC FULL STOP}"
    "\N{SMALL COMMA}\N{SMALL IDEOGRAPHIC COMMA}\N{SMALL SEMICOLON}\N{FULLWIDTH COMMA}\N{FULLWIDTH FULL STOP}"
    "\N{FULLWIDTH SEMICOLON}\N{FULLWIDTH VERTICAL LINE}\N{HALFWIDTH IDEOGRAPHIC COMMA}"
)
_AND = r"\band\b|(?<=\s)[&\N{FULLWIDTH AMPERSAND}](?=\s)"
_SEPARATOR = re.compile(
    # "1.5", "Dr. Pepper", "w/o", "1/2" and a mark at the end are left out.
    rf"(?:[{_MARKS}]|(?P<weak>(?<=\w\w\w)\.(?=\s)|(?<=\w\w)/(?=\w\w)|{_AND}))(?=\s*\S)",
    re.IGNORECASE,
)
_BETWEEN = re.compile(rf"\bbetween\b[^{_MARKS}]*?(?:{_AND})", re.IGNORECASE)
"""Words that need their "and"."""


def separator_in(text: str) -> str:
    """What looks like a separator of several expressions in a text; empty if nothing does.

    An "and", a full stop or a slash counts only if there is a noun on each side of it, so not in "the black and white
    mug".
    """
    text = _BETWEEN.sub("", text[:LONGEST])
    for found in _SEPARATOR.finditer(text):
        sides = (text[: found.start()], text[found.end() :])
        if not found["weak"] or all(head_noun(tokenise(side)) is not None for side in sides):
            return found.group()
    return ""
