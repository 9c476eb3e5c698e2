"""Text -> words -> ids: properties over arbitrary text, and the reports."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refseg_ros.expression import CUT_MARK, MAX_CHARACTERS, PADDING, UNKNOWN, Vocabulary, normalise, tokenise

# Lone surrogates and control characters included.
any_text = st.text(st.characters(exclude_categories=()), max_size=300)


@given(any_text)
def test_normalise_is_idempotent_and_printable(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert not any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in once)


@given(any_text, st.integers(1, 20))
def test_encode_accounts_for_every_word(text: str, max_words: int) -> None:
    vocabulary = Vocabulary(["mug", "red", "the"])
    encoded = vocabulary.encode(text, max_words)
    assert list(encoded.words) + [w for w in encoded.truncated if w != CUT_MARK] == tokenise(text)
    assert encoded.ids.shape == (max_words,) and encoded.ids.dtype == np.int64
    assert (encoded.ids[len(encoded.words) :] == PADDING).all()
    assert all((encoded.ids[i] == UNKNOWN) == (word in encoded.unknown) for i, word in enumerate(encoded.words))


def test_words_survive_case_punctuation_and_space() -> None:
    assert tokenise("  The RED mug,\tleft of\x00the bowl. ") == ["the", "red", "mug", "left", "of", "the", "bowl"]
    assert tokenise("man’s 2nd-hand cup") == ["man's", "2nd", "hand", "cup"]


def test_special_entries_cannot_be_typed() -> None:
    vocabulary = Vocabulary(["mug"])
    assert "<pad>" not in vocabulary and "<unknown>" not in vocabulary
    assert vocabulary.encode("<pad> <unknown> mug", 3).ids.tolist() == [UNKNOWN, UNKNOWN, 2]


def test_endless_text_is_cut_and_says_so() -> None:
    encoded = Vocabulary(["mug"]).encode("mug " * 3_000_000, 8)
    assert encoded.words == ("mug",) * 8
    assert encoded.truncated[-1] == CUT_MARK and len(encoded.truncated) <= MAX_CHARACTERS


def test_nothing_known_is_not_understood() -> None:
    vocabulary = Vocabulary(["mug", "the"])
    assert vocabulary.encode("the xyzzy mug", 4).understood
    assert not vocabulary.encode("the xyzzy", 4).understood
    assert not vocabulary.encode("", 4).understood


def test_a_vocabulary_file_round_trips(tmp_path: Path) -> None:
    vocabulary = Vocabulary.of_texts(["the red mug", "a red bowl"])
    path = tmp_path / "vocabulary.txt"
    path.write_text(vocabulary.dump(), encoding="utf-8")
    assert Vocabulary.load(path).words == vocabulary.words == ("<pad>", "<unknown>", "a", "bowl", "mug", "red", "the")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "begins with"),
        (b"mug\nbowl\n", "begins with"),
        (b"<pad>\n<unknown>\nmug\nmug\n", "twice"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
def test_a_broken_vocabulary_file_is_named_with_the_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "vocabulary.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=reason) as caught:
        Vocabulary.load(path)
    assert str(path) in str(caught.value)
