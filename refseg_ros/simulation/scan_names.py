"""What a thing is called by the name of its file: "red_mug_2" is a red mug, "motor_housing_v3" a motor housing."""

from __future__ import annotations

import re

from refseg_ros.expression import tokenise
from refseg_ros.language.noun_phrases import head_noun
from refseg_ros.simulation.appearance import COLOURS

SPOKEN_AS = {"grey": "gray", "silver": "gray", "light-blue": "blue", "dark-red": "red", "violet": "purple"}

_SEPARATORS = re.compile(r"[\s_\-.,()+]+|(?<=[a-z])(?=[A-Z])")
_NUMBER = re.compile(r".?\d")  # "20", "5mm", "v3", "m8x20"; but "mug2" is a mug
_OF_NUMBERS = frozenset(["v", "ver", "version", "rev", "revision", "copy", "final", "din", "iso", "nema"])


def names_and_colours(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of a thing, its noun first, and its colours.

    Args:
        name: of its file, without the suffix.
    """
    words: list[str] = []
    after: list[str] = []  # words after a number: in "gear_20_teeth" they do not name the thing
    said = words
    for token in filter(None, _SEPARATORS.split(name)):
        beginning = re.split(r"\d", token.lower())[0]
        if _NUMBER.match(token) or beginning in _OF_NUMBERS:
            said = after if any(_names(word) and not _is_colour(word) for word in words) else said
        else:
            said += tokenise(beginning)
    # A letter after a word is a version, "housing_A"; before one it is a shape, "t_nut".
    words = [word for at, word in enumerate(words) if _names(word) or not any(map(_names, words[:at]))]
    # After the noun of a sentence, a word in "-ing" says what the thing does; in the name of a file it is the thing.
    head = head_noun(["thing" if word.endswith("ing") else word for word in words])
    noun = words[head] if head is not None else (words or ["object"])[-1]
    colours = tuple(word for word in (*words, *after) if _is_colour(word) and word != noun)
    whole = " ".join(word for word in words if word not in colours)
    return tuple(dict.fromkeys((noun, whole or noun))), colours


def _names(word: str) -> bool:
    return len(word) > 1 or not word.isascii()


def _is_colour(word: str) -> bool:
    return SPOKEN_AS.get(word, word) in COLOURS
