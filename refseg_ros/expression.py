"""Turns a typed or spoken expression into word ids, in training and on the robot.

Hostile text is ordinary here: any `str` (10 MB, control characters, lone surrogates, right-to-left marks) gives a
defined result, and whatever the network will not see is reported instead of being dropped in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from refseg_ros.language.characters import MARK, SIGN, folded, shape
from refseg_ros.language.noun_phrases import ONLY_ASKING, courtesy, head_noun, request

PADDING, UNKNOWN = 0, 1
"""Ids of the two entries that every vocabulary begins with."""

MAX_CHARACTERS = 2000
"""Characters of a query that are read at all; no spoken or typed expression comes near it."""

CUT_MARK = "…"
"""Stands last among the truncated words when the text itself was cut at MAX_CHARACTERS."""

FUNCTION_WORDS = frozenset(
    ["a", "an", "the", "of", "to", "in", "on", "at", "and", "is", "that", "which", "it", "me", "please"]
)
"""Words that name nothing. If a model knows only these of an expression, the expression is not understood."""

POINTING = frozenset(["a", "an", "the", "this", "that", "these", "those", "some", "any", "my", "your", "our"])
"""Words that describe nothing. Where a model does not know one, its network does not see it."""

_PART = rf"[^\W_](?:[^\W_]|{MARK})*"
_WORD = re.compile(rf"{_PART}(?:'{_PART})?|{SIGN}[{SIGN}{MARK}]*")


def normalise(text: str) -> str:
    """The text in lower case, compatibility forms folded (NFKC), runs of control characters and space made one space.

    Characters that only say how others are drawn are left out, such as the joiners of Persian and Hindi and the
    variation selectors of emoji. All signs that serve as an apostrophe become "'".

    Only the first MAX_CHARACTERS are read, and the result is no longer. `normalise(normalise(t)) == normalise(t)`.
    """
    return read(text)[0]


def read(text: str) -> tuple[str, bool]:
    """The normalised text, and whether a part of it was cut off."""
    normal = " ".join(folded(text[:MAX_CHARACTERS]).split())
    return normal[:MAX_CHARACTERS].rstrip(), max(len(text), len(normal)) > MAX_CHARACTERS


def tokenise(text: str) -> list[str]:
    """The words of a text, in order: runs of letters and digits, with an inner apostrophe kept ("man's").

    Combining marks (vowels and points of Hindi, Thai, Hebrew) belong to the letter before them. Where a script has no
    spaces between words, what stands between two spaces is one word. A run of signs, such as emoji, is a word too.
    """
    return _words(normalise(text))


def _words(normal: str) -> list[str]:
    return [normal[start:end] for start, end in word_spans(normal)]


def word_spans(normal: str) -> list[tuple[int, int]]:
    """Where each word of a normalised text begins and ends."""
    return [found.span() for found in _WORD.finditer(shape(normal))]


@dataclass(frozen=True)
class Tokens:
    """An expression as the network sees it, and what it does not see."""

    ids: np.ndarray
    """(max_words,) int64: ids of words, or of pieces of words, PADDING after the last."""
    words: tuple[str, ...]
    """The words behind the ids, including unknown ones. Left out are thanks at the end, unknown words that only
    ask ("could you") or point ("my"), and known ones that ask but name a thing elsewhere ("can you", "hand me")."""
    unknown: tuple[str, ...]
    """Words of the expression that the vocabulary lacks, each once. The network sees UNKNOWN for those in `words`."""
    truncated: tuple[str, ...]
    """Words beyond max_words, which the network does not see."""
    noun: str = ""
    """The noun that the expression is about, "" where it has none (`noun_phrases.head_noun`)."""
    pieces: tuple[tuple[int, ...], ...] | None = None
    """Which of `words` each id is a piece of, mostly one; None where each id is a word."""

    @property
    def readable(self) -> bool:
        """Whether the model knows at least one word that is not a function word."""
        return any(word not in self.unknown and word not in FUNCTION_WORDS for word in self.words)

    @property
    def understood(self) -> bool:
        """Whether it is readable and its noun is known: then the answer may be relied on."""
        return self.readable and self.noun not in self.unknown and (not self.noun or self.noun in self.words)

    @property
    def doubtful(self) -> bool:
        """Whether a word that describes the thing is unknown or was cut off, so that another thing may be meant."""
        return bool(self.truncated) or any(word in self.unknown for word in self.words)

    def of_words(self, weights: np.ndarray) -> np.ndarray:
        """Weights of the ids (levels, max_words), rows sum to one -> of the words (levels, len(words)), as well."""
        if self.pieces is None:
            return weights[:, : len(self.words)]
        belongs = np.zeros((weights.shape[1], len(self.words)), np.float32)
        for place, words in enumerate(self.pieces):
            belongs[place, list(words)] = 1 / max(1, len(words))
        summed = weights @ belongs
        return summed / np.maximum(summed.sum(1, keepdims=True), np.finfo(np.float32).tiny)


class Vocabulary:
    """The words that a model knows, each with its id, and their synonyms."""

    def __init__(self, words: Iterable[str], synonyms: Mapping[str, str] | None = None) -> None:
        """Give the words their ids.

        Args:
            words: without the two special entries, in the order of their ids.
            synonyms: a word that the model does not know -> the one of `words` that replaces it.

        Raises:
            ValueError: a word occurs twice, or a synonym is known or stands for an unknown word.
        """
        self.words: tuple[str, ...] = ("<pad>", "<unknown>", *words)
        self.synonyms = dict(synonyms or {})
        self._ids = {word: index for index, word in enumerate(self.words)}
        if len(self._ids) != len(self.words):
            raise ValueError("a vocabulary names each word once; at least one stands twice")
        for word, known in self.synonyms.items():
            if word in self._ids or self._ids.get(known, UNKNOWN) == UNKNOWN:
                raise ValueError(f"the synonym {word!r} -> {known!r} leads from a known word, or to an unknown one")
        self._ids.update({word: self._ids[known] for word, known in self.synonyms.items()})
        if "a" in self._ids:
            self._ids.setdefault("an", self._ids["a"])

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

    def with_synonyms(self, synonyms: Mapping[str, str], name: str) -> Vocabulary:
        """The same words with other synonyms, which come from the file `name`.

        Raises:
            ValueError: as the constructor; the message begins with `name`.
        """
        try:
            return Vocabulary(self.words[2:], synonyms)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None

    def dump(self) -> str:
        """The text of a vocabulary file, as `load` reads it; the synonyms have a file of their own."""
        return "".join(f"{word}\n" for word in self.words)

    def encode(self, text: str, max_words: int) -> Tokens:
        """Word ids of a text, padded at the end to `max_words`, with the words that are unknown or cut off."""
        normal, is_cut = read(text)
        said = _words(normal)
        asking, end, head = request(said), len(said) - courtesy(said), head_noun(said)
        noun, end = ("", end) if head is None else (said[head], max(end, head + 1))  # "the toy robot" thanks nobody
        asked, thing, thanked = said[:asking], said[asking:end], said[end:]
        found = [word for word in asked if word in ONLY_ASKING and word in self]
        found += [word for word in thing if word not in POINTING or word in self]
        words, rest = found[:max_words], found[max_words:]
        if is_cut:
            rest.append(CUT_MARK)
        ids = np.full(max_words, PADDING, dtype=np.int64)
        ids[: len(words)] = [self._ids[word] if word in self else UNKNOWN for word in words]
        told = {noun, *words, *asked, *thanked, *POINTING}
        unknown = tuple(dict.fromkeys(word for word in said if word in told and word not in self))
        return Tokens(ids, tuple(words), unknown, tuple(rest), noun)

    def encode_all(self, texts: Sequence[str], max_words: int) -> np.ndarray:
        """(Q, max_words) int64: the ids of several texts."""
        return np.stack([self.encode(text, max_words).ids for text in texts])


def parse_synonyms(data: bytes, name: str) -> dict[str, str]:
    """Read the content of a synonyms file: UTF-8, in each line a word and the known word that it is read as.

    Raises:
        ValueError: it is not such a list; the message says why, and calls the file `name`.
    """
    try:
        rows = [line.split() for line in data.decode().splitlines()]
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: not a UTF-8 text ({error.reason} at byte {error.start})") from None
    for number, row in enumerate(rows, start=1):
        if len(row) != 2:
            raise ValueError(f"{name}, line {number}: has {len(row)} words instead of two: a synonym and a known word")
    return dict(rows)


def dump_synonyms(synonyms: Mapping[str, str]) -> str:
    """The text of a synonyms file, as `parse_synonyms` reads it."""
    return "".join(f"{word} {known}\n" for word, known in sorted(synonyms.items()))
