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
    """Each known noun with what is said for it as well, and what is only understood as it."""
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
    """The known noun of a name: its own, or that for which it is said; a name that is of none is one itself."""
    if name in names():
        return name
    return next((noun for noun, others in names().items() if name in others), name)


def known_nouns() -> tuple[str, ...]:
    """What a model for households is to know: nouns, and other names of several words; texts for `Vocabulary.of_texts`.

    Other names of one word are left to `synonyms_for`.
    """
    return (*names(), *(other for others in names().values() for other in others if " " in other))


def synonyms_for(words: Container[str]) -> dict[str, str]:
    """Words that a model does not know -> the one of its words that each is read as.

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
