"""What people say around an expression: "could you please find the red ball, thanks" means "the red ball"."""

from __future__ import annotations

from refseg_ros.expression import tokenise
from refseg_ros.language.noun_phrases import courtesy, request

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

CLOSINGS = ("please", "thanks", "thank you", "for me", "for me please", "now", "right now", "right away")
"""Words after an expression."""


def expression_in(text: str) -> str:
    """The expression in a text, in lower case without punctuation, as for typed ones; empty if nothing is left."""
    words = tokenise(text)
    return " ".join(words[request(words) : len(words) - courtesy(words)])
