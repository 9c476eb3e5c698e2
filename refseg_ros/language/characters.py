"""Brings the characters of an expression into one form, and tells letters, combining marks and signs apart."""

from __future__ import annotations

import re
import unicodedata

MARK = "\N{COMBINING GRAVE ACCENT}"
"""Any combining mark in a shape."""
SIGN = "\N{REPLACEMENT CHARACTER}"
"""Any sign in a shape: a symbol, an emoji, or a character that this version of Unicode lacks."""

_IGNORED = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Unicode's Default_Ignorable_Code_Point: characters that only say how others are drawn. Without the zero width space,
which separates words."""
_APOSTROPHES = dict.fromkeys(
    map(
        ord,
        "`\N{ACUTE ACCENT}\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}\N{PRIME}\N{REVERSED PRIME}"
        "\N{SINGLE HIGH-REVERSED-9 QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}\N{MODIFIER LETTER TURNED COMMA}"
        "\N{MODIFIER LETTER REVERSED COMMA}\N{MODIFIER LETTER PRIME}\N{MODIFIER LETTER ACUTE ACCENT}"
        "\N{MODIFIER LETTER GRAVE ACCENT}\N{MODIFIER LETTER VERTICAL LINE}\N{LATIN SMALL LETTER SALTILLO}"
        "\N{LATIN CAPITAL LETTER SALTILLO}\N{ARMENIAN APOSTROPHE}\N{HEBREW PUNCTUATION GERESH}\N{GREEK OXIA}",
    ),
    "'",
)
_UNSAID = re.compile("[\N{COPYRIGHT SIGN}\N{REGISTERED SIGN}\N{DEGREE SIGN}\N{FRACTION SLASH}]")
"""Symbols beside words and numbers that nobody says aloud."""
_SPELT = re.compile("[\N{SERVICE MARK}\N{TRADE MARK SIGN}]")
"""Further ones, which NFKC turns into letters."""
_SPACES = ("Cc", "Cf", "Cs", "Zs", "Zl", "Zp")
_SIGNS = ("Sc", "Sk", "Sm", "So", "Cn", "Co")


def folded(text: str) -> str:
    """The text in lower case, with one form for characters that have several, and spaces for control characters."""
    plain = _SPELT.sub(" ", _IGNORED.sub("", text))
    plain = plain.translate(_APOSTROPHES)  # before NFKC, which makes a space of an acute accent
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", plain).casefold()).translate(_APOSTROPHES)
    return "".join(" " if unicodedata.category(character) in _SPACES else character for character in plain)


def shape(text: str) -> str:
    """A text of the same length with MARK for each combining mark and SIGN for each sign.

    The symbols of ASCII are no signs; they serve as punctuation.
    """
    return text if text.isascii() else "".join(map(_shape, text))


def _shape(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] == "M":
        return MARK
    is_sign = category in _SIGNS and not character.isascii() and not _UNSAID.match(character)
    return SIGN if is_sign else character
