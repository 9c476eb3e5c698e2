"""Turns an expression into ids with a file of Hugging Face's `tokenizers` (BPE, WordPiece), which knows every word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from refseg_ros.errors import UnavailableError
from refseg_ros.expression import CUT_MARK, PADDING, Tokens, Vocabulary, read, word_spans
from refseg_ros.text import one_line


class OpenVocabulary:
    """A subword tokenizer. It has the methods of `Vocabulary` that a model needs: `encode`, `encode_all`, `len`."""

    def __init__(self, tokenizer: Any) -> None:
        """`tokenizer` is a `tokenizers.Tokenizer`; the padding id is its own, or PADDING if it has none."""
        self._padding = (tokenizer.padding or {}).get("pad_id", PADDING)
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = True  # "</s>" that somebody types is text
        self._tokenizer = tokenizer
        self._length = 0

    def __len__(self) -> int:
        return 1 + max(self._tokenizer.get_vocab().values(), default=0)

    @classmethod
    def parse(cls, data: bytes, name: str) -> OpenVocabulary:
        """Read the content of a `tokenizer.json`.

        Raises:
            ValueError: it is no such file; the message calls it `name`.
            UnavailableError: the library is not installed.
        """
        try:
            from tokenizers import Tokenizer
        except ImportError:
            raise UnavailableError(
                f"{name}: to read it, install the library tokenizers (pip install 'refseg_ros[hub]')"
            ) from None
        try:
            return cls(Tokenizer.from_buffer(data))
        except Exception as error:  # tokenizers raises plain Exceptions
            raise ValueError(f"{name}: is no file of the library tokenizers ({one_line(error)})") from None

    def encode(self, text: str, length: int) -> Tokens:
        """`length` ids of a text, padded at the end.

        `words` are whole words, though an id may stand for a piece of one; no word is unknown.
        """
        if length != self._length:
            self._tokenizer.enable_truncation(length)
            self._length = length
        normal, is_cut = read(text)
        encoded = self._tokenizer.encode(normal)
        end = max((after for _, after in encoded.offsets), default=0)
        spans = word_spans(normal)
        seen = [span for span in spans if span[1] <= end]  # a word that is cut in its middle is not seen
        ids = np.full(length, self._padding, np.int64)
        ids[: len(encoded.ids)] = encoded.ids
        words = [normal[start:after] for start, after in spans]
        rest = [*words[len(seen) :], *([CUT_MARK] if is_cut else [])]
        pieces = tuple(_words_of(piece, seen) for piece in encoded.offsets)
        return Tokens(ids, tuple(words[: len(seen)]), (), tuple(rest), pieces=pieces)

    def encode_all(self, texts: Sequence[str], length: int) -> np.ndarray:
        """(Q, length) int64: the ids of several texts."""
        return np.stack([self.encode(text, length).ids for text in texts])


def _words_of(piece: tuple[int, int], spans: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """Which of some words a piece of the text belongs to; both are places where something begins and ends."""
    return tuple(word for word, (start, end) in enumerate(spans) if piece[0] < end and piece[1] > start)


Tokenizer = Vocabulary | OpenVocabulary
"""What turns an expression into ids for a model."""
