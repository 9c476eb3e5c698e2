"""Removes requests around an expression: "could you please find the red ball, thanks" means "the red ball"."""

from __future__ import annotations

from refseg_ros.expression import tokenise

HESITATIONS = ("uh", "um", "er", "hmm", "okay", "well", "now", "please", "hey")
"""Words without meaning, anywhere before the expression."""

COURTESIES = ("could you", "can you", "would you", "will you", "could you please", "can you please")
"""Words before a request."""

REQUESTS = (
    *("find", "find me", "show", "show me", "pick up", "grab", "get", "get me", "give me", "bring me", "hand me"),
    *("take", "fetch", "look at", "look for", "search for", "go to", "point at", "point to", "track", "segment"),
    *("where is", "where's", "what about", "i want", "i need", "i'd like", "i'm looking for"),
)
"""Requests before an expression."""

CLOSINGS = ("please", "thanks", "thank you", "for me", "for me please", "now")
"""Words after an expression."""


def expression_in(text: str) -> str:
    """The expression in a text, in lower case without punctuation; empty if nothing is left."""
    words = tokenise(text)
    before: list[str] = []
    while before != words:
        before = words
        words = _without(words, (*REQUESTS, *COURTESIES, *HESITATIONS), at_end=False)
        words = _without(words, CLOSINGS, at_end=True)
    return " ".join(words)


def _without(words: list[str], wordings: tuple[str, ...], *, at_end: bool) -> list[str]:
    """Remove the longest of some wordings from the beginning or end."""
    for wording in sorted(wordings, key=len, reverse=True):
        said = wording.split()
        if at_end and words[-len(said) :] == said:
            return words[: -len(said)]
        if not at_end and words[: len(said)] == said:
            return words[len(said) :]
    return words
