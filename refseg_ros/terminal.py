"""Text of strangers on a terminal: no character of it may do more than stand there."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text in one line; "?" stands for each character that is not printable (escapes, line breaks, marks)."""
    return "".join(character if character.isprintable() else "?" for character in " ".join(text.split()))
