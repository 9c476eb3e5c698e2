"""Sentences from a model's vocabulary, on which the recogniser's language model is trained.

They refer to things as people do: a noun phrase, a relation, a place, a motion. The closed classes of words are listed
here; every other word of the vocabulary counts as a noun. A wording with a word outside the vocabulary is never used,
so the recogniser hears only words that the model reads.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator

from refseg_ros.speech.requests import CLOSINGS, COURTESIES, HESITATIONS, REQUESTS

_DETERMINERS = ("the", "the", "the", "the", "the", "a", "an")
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "last")
_COLOURS = (
    *("black", "blue", "brown", "gray", "grey", "green", "orange", "pink", "purple", "red", "violet", "white"),
    *("yellow", "beige", "golden", "silver", "dark", "light", "striped"),
)
_SIZES = (
    *("small", "smaller", "smallest", "little", "large", "larger", "largest", "big", "bigger", "biggest"),
    *("tall", "taller", "tallest", "short", "shorter", "shortest", "long", "thin", "thick", "round", "square"),
)
_POSITIONS = (
    *("left", "right", "leftmost", "rightmost", "front", "back", "nearest", "closest", "farthest", "furthest"),
    *("middle", "central", "center", "top", "bottom", "upper", "lower", "still", "non"),
)
_PLACES = (
    *("on the {side}", "on the far {side}", "furthest to the {side}", "from the {side}", "on the {side} side"),
    *("in front", "at the front", "closest to us", "at the back", "in the back", "furthest away"),
    *("in the middle", "in the center", "at the top", "at the bottom", "next to me"),
)
_RELATIONS = (
    *("{side} of", "to the {side} of", "on the {side} of", "on the {side} side of", "behind", "at the back of"),
    *("in front of", "before", "next to", "beside", "near", "closest to", "nearest to", "above", "below", "under"),
    *("on", "on top of", "in", "inside", "with"),
)
_BETWEEN = ("between", "in between")
_MOTIONS = ("rolling", "moving", "sliding", "falling", "dropping", "being pushed")
_DIRECTIONS = (
    *("to the {side}", "{side}", "towards the {side}", "leftwards", "rightwards", "away", "backwards"),
    *("away from us", "towards us", "towards the camera", "forwards", "closer"),
)
_STATES = ("at rest", "standing still", "not moving")
_LINKS = ("that is", "which is", "that is not", "which is not", "that isn't", "which isn't", "not")
_OTHER = ("and", "or", "it", "far", "us", "from", "to", "of", "side")

_CLOSED = {
    word
    for wordings in (
        *(_DETERMINERS, _ORDINALS, _COLOURS, _SIZES, _POSITIONS, _PLACES, _RELATIONS, _BETWEEN, _MOTIONS, _DIRECTIONS),
        *(_STATES, _LINKS, _OTHER, COURTESIES, REQUESTS, CLOSINGS, HESITATIONS),
    )
    for wording in wordings
    for word in wording.split()
} - {"can", "hand", "light", "orange"}  # which name things, too


def nouns(vocabulary: Collection[str]) -> tuple[str, ...]:
    """The nouns of a vocabulary, in alphabetical order."""
    return tuple(sorted(set(vocabulary) - _CLOSED))


class Sentences:
    """Makes sentences in a vocabulary; the same vocabulary and seed give the same sentences."""

    def __init__(self, vocabulary: Collection[str], seed: int = 0) -> None:
        """Sort the words.

        Raises:
            ValueError: no word of the vocabulary can be a noun.
        """
        self._vocabulary = frozenset(vocabulary)
        self._nouns = nouns(vocabulary)
        if not self._nouns:
            raise ValueError("the vocabulary has no word that could be a noun, so nothing can be asked for by voice")
        self._random = random.Random(seed)

    def draw(self, count: int) -> Iterator[str]:
        """Make `count` sentences."""
        for _ in range(count):
            yield " ".join(self._sentence().split())

    def _sentence(self) -> str:
        parts = [self._thing()]
        kind = self._random.randrange(8)
        if kind < 3:
            parts.append(f"{self._one(_RELATIONS)} {self._thing()}")
        elif kind == 3:
            parts.append(f"{self._maybe(_LINKS)} {self._one(_PLACES)}")
        elif kind == 4:
            parts.append(f"{self._one(_LINKS)} {self._one(_COLOURS + _SIZES)}")
        elif kind == 5:
            parts.append(f"{self._maybe(_LINKS)} {self._one(_MOTIONS)} {self._maybe(_DIRECTIONS)}")
        elif kind == 6 and self._random.random() < 0.5:
            parts.append(self._one(_STATES))
        elif kind == 6:
            parts.append(f"{self._one(_BETWEEN)} {self._thing()} and {self._thing()}")
        if self._random.random() < 0.4:
            polite = (*COURTESIES, *HESITATIONS)
            said = self._random.choice(polite) if self._random.random() < 0.4 else ""
            parts.insert(0, f"{said} {self._random.choice(REQUESTS)}")
        if self._random.random() < 0.1:
            parts.append(self._random.choice(CLOSINGS))
        return " ".join(parts)

    def _thing(self) -> str:
        chance, noun = self._random.random, self._random.choice(self._nouns)
        if chance() < 0.1:
            noun = f"{self._random.choice(self._nouns)} {noun}"
        adjectives = [self._one(group) for group in (_SIZES + _POSITIONS, _COLOURS) if chance() < 0.45]
        words = [self._one(_DETERMINERS), *adjectives, noun]
        if chance() < 0.12:
            side = self._one(("from the {side}",))
            words[1:1] = [self._one(_ORDINALS)] + ([side] if chance() < 0.3 else [])
            if side not in words:
                words.append(side)
        return " ".join(words)

    def _one(self, wordings: tuple[str, ...]) -> str:
        """One of the wordings with known words only; "" if there is none."""
        filled = [text.replace("{side}", side) for text in wordings for side in self._sides(text)]
        known = [text for text in filled if self._vocabulary.issuperset(text.split())]
        return self._random.choice(known) if known else ""

    def _sides(self, text: str) -> tuple[str, ...]:
        return ("left", "right") if "{side}" in text else ("",)

    def _maybe(self, wordings: tuple[str, ...]) -> str:
        return self._one(wordings) if self._random.random() < 0.5 else ""
