"""Decides whether heard speech is a query, by wake word and confidence, and extracts its expression."""

from __future__ import annotations

import math
from collections.abc import Collection
from enum import Enum

from refseg_ros.expression import tokenise
from refseg_ros.speech.recogniser import Heard
from refseg_ros.speech.requests import expression_in


class Ignored(Enum):
    """Why heard speech is not a query."""

    NOT_CALLED = "the wake word was not said"
    ONLY_CALLED = "the wake word; waiting for a query"
    UNSURE = "not sure enough"
    NO_THING = "it names no thing"


class Attention:
    """Listens for queries: one counts if the wake word precedes it, or was said alone shortly before."""

    def __init__(self, wake_word: str, things: Collection[str]) -> None:
        """`things` are the nouns; a query contains at least one of them."""
        self._things = frozenset(things)
        self._wake = tokenise(wake_word)
        self._until = -math.inf

    def query_in(
        self, heard: Heard, begin: float, end: float, minimum_confidence: float, wake_seconds: float
    ) -> str | Ignored:
        """The expression of a query, or why there is no query.

        Args:
            heard: what was said.
            begin: when it began, in seconds of the sound.
            end: when it ended.
            minimum_confidence: less confident speech is ignored.
            wake_seconds: most seconds from the end of the wake word to the beginning of a query.
        """
        words = tokenise(heard.text)
        if heard.confidence < minimum_confidence:
            return Ignored.UNSURE
        if self._wake and words[: len(self._wake)] == self._wake:
            words = words[len(self._wake) :]
            if not words:
                self._until = end + wake_seconds
                return Ignored.ONLY_CALLED
        elif self._wake and begin > self._until:
            return Ignored.NOT_CALLED
        expression = expression_in(" ".join(words))
        if self._things.isdisjoint(expression.split()):
            return Ignored.NO_THING
        self._until = -math.inf
        return expression
