"""Pronunciations of words: from pocketsphinx's dictionary, a few of ours, compounds of both, the user's dictionary."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

Pronunciations = dict[str, list[str]]
"""Word -> its pronunciations in ARPAbet, such as "R EH D"."""

MORE: Pronunciations = {
    "bulgar": ["B UH L G ER"],
    "bulgur": ["B UH L G ER"],
    "chilli": ["CH IH L IY"],
    "couscous": ["K UW S K UW S"],
    "flavoured": ["F L EY V ER D"],
    "lychee": ["L IY CH IY"],
    "yoghurt": ["Y OW G ER T"],
}
"""Of words of the models that ship, which pocketsphinx's dictionary lacks."""

SHORTEST_PART = 3
"""Fewest letters in each part of a compound: "left" + "most"."""


def pronounce(words: Collection[str], dictionary: Path, own: Path | None = None) -> tuple[Pronunciations, list[str]]:
    """Look up words; return the pronunciations found, and the words without one.

    A missing word is built from two known ones, with the longest possible first part.

    Args:
        words: in lower case.
        dictionary: in the format of CMUdict; a second pronunciation is listed as "word(2)".
        own: another dictionary, whose pronunciations take precedence.

    Raises:
        ValueError: a line of a dictionary has no pronunciation; the message names it.
        OSError: a dictionary cannot be read.
    """
    parts = {word[start:end] for word in words for start, end in _parts(word)}
    known = MORE | _read(dictionary, {*words, *parts})
    if own is not None:
        known |= _read(own, {*words, *parts})
    found, missing = {}, []
    for word in sorted(set(words)):
        sounds = known.get(word) or _put_together(word, known)
        if sounds:
            found[word] = sounds
        else:
            missing.append(word)
    return found, missing


def dictionary_lines(pronunciations: Pronunciations) -> Iterable[str]:
    """The lines of a dictionary in the format of CMUdict."""
    for word, sounds in sorted(pronunciations.items()):
        for index, sound in enumerate(sounds):
            yield f"{word} {sound}\n" if index == 0 else f"{word}({index + 1}) {sound}\n"


def _read(path: Path, wanted: Collection[str]) -> Pronunciations:
    found: Pronunciations = {}
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            name, *phones = line.split() or [""]
            word = name.partition("(")[0].lower()
            if word not in wanted:
                continue
            if not phones:
                raise ValueError(f"{path}: line {number} gives {ascii(word)} no pronunciation, such as: red R EH D")
            found.setdefault(word, []).append(" ".join(phones))
    return found


def _parts(word: str) -> Iterable[tuple[int, int]]:
    for cut in range(SHORTEST_PART, len(word) - SHORTEST_PART + 1):
        yield 0, cut
        yield cut, len(word)


def _put_together(word: str, known: Pronunciations) -> list[str]:
    for cut in range(len(word) - SHORTEST_PART, SHORTEST_PART - 1, -1):
        first, second = known.get(word[:cut]), known.get(word[cut:])
        if first and second:
            return [f"{first[0]} {second[0]}"]
    return []
