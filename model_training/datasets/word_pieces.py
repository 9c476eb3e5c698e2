"""The file of a tokenizer that cuts words into pieces (BERT's WordPiece, BPE), as networks learn with it."""

from __future__ import annotations

import json
from pathlib import Path

from refseg_ros.expression import PADDING
from refseg_ros.open_vocabulary import OpenVocabulary

TOKENIZER = "tokenizer.json"
"""Its name in a bundle."""

_PADDINGS = ("[PAD]", "<pad>")


def read_tokenizer(path: Path) -> str:
    """The text of a file of Hugging Face's `tokenizers`, without what it puts around the pieces of an expression.

    A network that wants [CLS] and [SEP] puts them there itself, and everything is padded and cut to its `max_words`.

    Raises:
        ValueError: it is no such file, or its first id is not that of padding; the message names the file.
        UnavailableError: the library is not installed.
        OSError: it cannot be read.
    """
    OpenVocabulary.parse(path.read_bytes(), str(path))
    bare = json.loads(path.read_bytes()) | {"post_processor": None, "padding": None, "truncation": None}
    text = json.dumps(bare, ensure_ascii=False)
    ids = _ids(text)
    if PADDING not in map(ids.get, _PADDINGS):
        first = next((piece for piece, number in ids.items() if number == PADDING), None)
        raise ValueError(
            f"{path}: its id {PADDING} is {first!r}, but networks read that id as padding; take a tokenizer that has "
            f"{' or '.join(_PADDINGS)} there, as BERT's"
        )
    return text


def specials_of(text: str) -> tuple[int, int] | None:
    """The ids of [CLS] and [SEP] in the text of a tokenizer's file; None if it lacks one."""
    ids = _ids(text)
    return (ids["[CLS]"], ids["[SEP]"]) if {"[CLS]", "[SEP]"} <= ids.keys() else None


def _ids(text: str) -> dict[str, int]:
    from tokenizers import Tokenizer

    return dict(Tokenizer.from_str(text).get_vocab())
