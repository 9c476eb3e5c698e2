"""The nouns of households and other names for them, from `words.txt`."""

from __future__ import annotations

from collections.abc import Container
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("words.txt")


@cache
def names() -> dict[str, tuple[str, ...]]:
    """Each known noun, of one word or several ("wine glass"), with the other names of the same thing."""
    return {noun: said for noun, (said, _) in _rows().items()}


@cache
def _rows() -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Each known noun with the other names that are said for it, and those that are only understood."""
    lines = (line.partition("#")[0].strip() for line in _FILE.read_text(encoding="utf-8").splitlines())
    found = {}
    for noun, _, others in (line.partition(":") for line in lines if line):
        said, _, understood = others.partition(";")
        found[noun] = _listed(said), _listed(understood)
    return found


def _listed(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


@cache
def noun_of(name: str) -> str:
    """The known noun that a name stands for; a name that no noun has is returned as it is."""
    if name in names():
        return name
    return next((noun for noun, others in names().items() if name in others), name)


def known_nouns() -> tuple[str, ...]:
    """The nouns that a household model must know, and their other names of several words, for `Vocabulary.of_texts`.

    `synonyms_for` covers other names of one word.
    """
    return (*names(), *(other for others in names().values() for other in others if " " in other))


def synonyms_for(words: Container[str]) -> dict[str, str]:
    """Word that a model does not know -> the word of its vocabulary that it is read as.

    Args:
        words: of the model's vocabulary.
    """
    found: dict[str, str] = {}
    for noun, (said, understood) in _rows().items():
        if noun in words:
            for other in (*said, *understood):
                if " " not in other and other not in words:
                    found.setdefault(other, noun)
    return found
