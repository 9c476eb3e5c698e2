"""The words of an expression as the page shows them, and expressions to begin with."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from refseg_ros.answer import Answer
from refseg_ros.expression import tokenise

EXAMPLES = (
    *("the red mug", "the bowl", "the can", "the ball on the left", "the mug left of the bowl", "the smaller mug"),
    *("the block behind the bottle", "the ball that is moving", "the person on the left", "the dog"),
)
MOST_EXAMPLES = 6


@dataclass(frozen=True)
class Word:
    """A word of an expression."""

    text: str
    weight: float
    """Attention beside that of the strongest word of the expression, 0 to 1."""
    known: bool
    meant: str = ""
    """The nearest known word to an unknown one; empty where none is near."""


def words_of(answer: Answer, vocabulary: Collection[str]) -> tuple[Word, ...]:
    """The words that the model read, with its attention to them, averaged over the network's levels."""
    weights = answer.word_attention.mean(axis=0) if answer.word_attention.size else [0.0] * len(answer.words)
    strongest = max([float(weight) for weight in weights], default=0.0) or 1.0
    return tuple(
        Word(word, float(weight) / strongest, True)
        if word not in answer.unknown_words
        else Word(word, 0.0, False, nearest(word, vocabulary))
        for word, weight in zip(answer.words, weights, strict=True)
    )


def nearest(word: str, vocabulary: Collection[str]) -> str:
    """The known word spelled most like an unknown one; empty if none is similar."""
    return _nearest(word[:40], tuple(vocabulary))


@functools.lru_cache(maxsize=512)
def _nearest(word: str, vocabulary: tuple[str, ...]) -> str:
    """Remembered, since it takes milliseconds, and each page asks for the same words several times a second."""
    found = difflib.get_close_matches(word, vocabulary, n=1, cutoff=0.6)
    return found[0] if found else ""


def examples(vocabulary: Collection[str], names: Iterable[str] = ()) -> tuple[str, ...]:
    """Expressions whose words are all in a vocabulary, at most MOST_EXAMPLES.

    Args:
        vocabulary: of the model.
        names: of things that are known to be there; they come first.
    """
    known = frozenset(vocabulary)
    offered = dict.fromkeys([*(f"the {name}" for name in names), *EXAMPLES])
    return tuple(text for text in offered if known.issuperset(tokenise(text)))[:MOST_EXAMPLES]
