"""Turns an expression into ids with a file of Hugging Face's `tokenizers` (BPE, WordPiece), which knows every word."""

from __future__ import annotations

from typing import Any

import numpy as np

from refseg_ros.errors import UnavailableError
from refseg_ros.expression import CUT_MARK, PADDING, Tokens, read, tokenise
from refseg_ros.text import one_line


class OpenVocabulary:
    """A subword tokenizer. It has the two methods of `Vocabulary` that a model needs: `encode` and `len`."""

    def __init__(self, tokenizer: Any) -> None:
        """`tokenizer` is a `tokenizers.Tokenizer`; the padding id is its own, or PADDING if it has none."""
        self._padding = (tokenizer.padding or {}).get("pad_id", PADDING)
        tokenizer.no_padding()
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
        seen = max((end for _, end in encoded.offsets), default=0)
        if seen < len(normal) and normal[seen] != " ":  # in the middle of a word, which then is not seen whole
            seen = normal.rfind(" ", 0, seen) + 1
        ids = np.full(length, self._padding, np.int64)
        ids[: len(encoded.ids)] = encoded.ids
        rest = [*tokenise(normal[seen:]), *([CUT_MARK] if is_cut else [])]
        return Tokens(ids, tuple(tokenise(normal[:seen])), (), tuple(rest))
