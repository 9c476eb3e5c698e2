"""From a typed or spoken expression to word ids, for training and for the robot alike.

Hostile text is ordinary here: any `str` (10 MB, control characters, lone surrogates, right-to-left marks) gives a
defined result, and whatever the network will not see is reported instead of being dropped in silence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PADDING, UNKNOWN = 0, 1
"""Ids of the two entries that every vocabulary begins with."""

MAX_CHARACTERS = 2000
"""Characters of a query that are read at all; no spoken or typed expression comes near it."""

CUT_MARK = "…"
"""Stands last among the truncated words when the text itself was cut at MAX_CHARACTERS."""

FUNCTION_WORDS = frozenset(
    ["a", "an", "the", "of", "to", "in", "on", "at", "and", "is", "that", "which", "it", "me", "please"]
)
"""Words that name nothing: an expression of which only these are known is not understood."""

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")


def normalise(text: str) -> str:
    """The text in lower case, compatibility forms folded (NFKC), control characters and runs of space made one space.

    Reads the first MAX_CHARACTERS only. `normalise(normalise(t)) == normalise(t)`.
    """
    folded = unicodedata.normalize("NFKC", text[:MAX_CHARACTERS]).casefold()
    folded = unicodedata.normalize("NFKC", folded).replace("’", "'")
    printable = (" " if unicodedata.category(c)[0] in "CZ" else c for c in folded)
    return " ".join("".join(printable).split())


def tokenise(text: str) -> list[str]:
    """The words of a text, in order: runs of letters and digits, with an inner apostrophe kept ("man's")."""
    return _WORD.findall(normalise(text))


@dataclass(frozen=True)
class Encoded:
    """An expression as the network sees it, and what it does not see."""

    ids: np.ndarray
    """(max_words,) int64: word ids, PADDING after the last word."""
    words: tuple[str, ...]
    """The words behind the ids, unknown ones among them."""
    unknown: tuple[str, ...]
    """Words of the expression that the vocabulary lacks, each once; the network sees the id UNKNOWN for them."""
    truncated: tuple[str, ...]
    """Words beyond max_words, which the network does not see."""

    @property
    def understood(self) -> bool:
        """Whether at least one word is known that says something."""
        return any(word not in self.unknown and word not in FUNCTION_WORDS for word in self.words)


class Vocabulary:
    """The words that a model knows, each with its id."""

    def __init__(self, words: Iterable[str]) -> None:
        """`words` without the two special entries, in the order of their ids."""
        self.words: tuple[str, ...] = ("<pad>", "<unknown>", *words)
        self._ids = {word: index for index, word in enumerate(self.words)}
        if len(self._ids) != len(self.words):
            raise ValueError("a vocabulary names each word once; at least one stands twice")

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return self._ids.get(word, UNKNOWN) > UNKNOWN

    @classmethod
    def of_texts(cls, texts: Iterable[str]) -> Vocabulary:
        """The vocabulary of all words in some texts, in alphabetical order."""
        return cls(sorted({word for text in texts for word in tokenise(text)}))

    @classmethod
    def load(cls, path: str | Path) -> Vocabulary:
        """Read a vocabulary file.

        Raises:
            ValueError: as `parse`.
            OSError: it cannot be read.
        """
        return cls.parse(Path(path).read_bytes(), str(path))

    @classmethod
    def parse(cls, data: bytes, name: str) -> Vocabulary:
        """Read the content of a vocabulary file: UTF-8, one word per line, `<pad>` and `<unknown>` first.

        Raises:
            ValueError: it is not such a list; the message says why, and calls the file `name`.
        """
        try:
            lines = data.decode().splitlines()
        except UnicodeDecodeError as error:
            raise ValueError(f"{name}: not a UTF-8 text ({error.reason} at byte {error.start})") from None
        if lines[:2] != ["<pad>", "<unknown>"]:
            raise ValueError(f"{name}: a vocabulary begins with the lines <pad> and <unknown>, not with {lines[:2]}")
        try:
            return cls(lines[2:])
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None

    def dump(self) -> str:
        """The text of a vocabulary file, as `load` reads it."""
        return "".join(f"{word}\n" for word in self.words)

    def encode(self, text: str, max_words: int) -> Encoded:
        """Word ids of a text, padded at the end to `max_words`, with a report of what is unknown or too much."""
        found = tokenise(text)
        words, rest = found[:max_words], found[max_words:]
        if len(text) > MAX_CHARACTERS:
            rest.append(CUT_MARK)
        ids = np.full(max_words, PADDING, dtype=np.int64)
        ids[: len(words)] = [self._ids[word] if word in self else UNKNOWN for word in words]
        unknown = tuple(dict.fromkeys(word for word in words if word not in self))
        return Encoded(ids, tuple(words), unknown, tuple(rest))

    def encode_all(self, texts: Sequence[str], max_words: int) -> np.ndarray:
        """(Q, max_words) int64: the ids of several texts."""
        return np.stack([self.encode(text, max_words).ids for text in texts])
