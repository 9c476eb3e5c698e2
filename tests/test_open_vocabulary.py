"""Pieces of words: every text gives ids of the right shape, every word is known, and what is cut off is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import Punctuation, Sequence, Whitespace
from tokenizers.processors import TemplateProcessing

from refseg_ros import BundleError, Segmenter, Verdict
from refseg_ros.engines.bundle import Bundle, write
from refseg_ros.engines.manifest import FILE, Text
from refseg_ros.expression import tokenise
from refseg_ros.media.overlay import draw
from refseg_ros.open_vocabulary import OpenVocabulary
from tests.bundles import MANIFEST, clip, encoder, fusion

VOCABULARY = {"[PAD]": 0, "[UNK]": 1, "the": 2, "mug": 3, "red": 4, "blu": 5, "##e": 6}


def pieces(**more: int) -> Tokenizer:
    made = Tokenizer(WordPiece(VOCABULARY | more, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    return made


def parsed(tokenizer: Tokenizer) -> OpenVocabulary:
    return OpenVocabulary.parse(tokenizer.to_str().encode(), "tokenizer.json")


def bundle_of(folder: Path, tokenizer: bytes, attention: bool = False) -> Path:
    """The bundle of `tests.bundles` with another tokenizer, and without word attention unless it is asked for."""
    models = {"encoder.onnx": encoder(), "clip.onnx": clip(), "fusion.onnx": fusion()}
    if not attention:
        del models["fusion.onnx"].graph.output[2]
    manifest = replace(MANIFEST, text=Text(FILE, "tokenizer.json", 6))
    graphs = {name: model.SerializeToString() for name, model in models.items()}
    write(folder, manifest, {"tokenizer.json": tokenizer, **graphs})
    return folder


def test_ids_are_those_of_the_library_and_padded() -> None:
    tokens = parsed(pieces()).encode("The  blue MUG", 6)
    assert tokens.ids.tolist() == [2, 5, 6, 3, 0, 0] and tokens.ids.dtype == np.int64
    assert tokens.words == ("the", "blue", "mug") and tokens.understood
    assert len(parsed(pieces())) == 7


def test_padding_and_marks_are_those_of_the_file() -> None:
    made = pieces(**{"[B]": 7, "[E]": 8})
    made.post_processor = TemplateProcessing(single="[B] $A [E]", special_tokens=[("[B]", 7), ("[E]", 8)])
    made.enable_padding(pad_id=8, pad_token="[E]", length=20)
    made.enable_truncation(2)
    known = parsed(made)
    assert known.encode("red mug", 6).ids.tolist() == [7, 4, 3, 8, 8, 8]
    cut = known.encode("the red blue mug", 5)
    assert cut.ids.tolist() == [7, 2, 4, 5, 8]
    assert cut.words == ("the", "red") and cut.truncated == ("blue", "mug")  # half of a word is not seen


@given(st.text(max_size=60), st.integers(1, 9))
def test_any_text_is_defined_and_every_word_accounted_for(text: str, length: int) -> None:
    tokens = parsed(pieces()).encode(text, length)
    assert tokens.ids.shape == (length,) and set(tokens.ids) <= set(VOCABULARY.values())
    assert tokens.unknown == ()
    assert [*tokens.words, *tokens.truncated] == tokenise(text)


def test_a_bundle_has_such_a_file_and_no_list_of_words(tmp_path: Path) -> None:
    folder = bundle_of(tmp_path / "b", pieces().to_str().encode())
    with pytest.raises(BundleError, match="has an open vocabulary and no list of words"):
        Bundle.load(folder).vocabulary()
    answer = Segmenter(folder, threads=1).segment(np.full((48, 64, 3), (255, 0, 0), np.uint8), "a red zyzzyva")
    assert answer.verdict is Verdict.FOUND and answer.words == ("a", "red", "zyzzyva")
    assert not answer.unknown_words and answer.word_attention.shape == (0, 3)
    assert draw(np.zeros((48, 64, 3), np.uint8), answer).shape == (48, 64, 3)


def test_punctuation_cuts_no_word() -> None:
    cut = parsed(pieces()).encode("the mug, red", 2)
    assert cut.ids.tolist() == [2, 3] and cut.words == ("the", "mug") and cut.truncated == ("red",)
    silent = pieces()
    silent.pre_tokenizer = Sequence([Whitespace(), Punctuation("removed")])
    assert parsed(silent).encode("the mug.", 8).words == ("the", "mug")


def test_marks_that_somebody_types_are_text() -> None:
    made = pieces(**{"</s>": 7})
    made.add_special_tokens(["</s>"])
    assert 7 not in parsed(made).encode("the </s> mug", 8).ids


def test_a_piece_of_two_words_is_shared_by_them() -> None:
    made = Tokenizer(WordPiece(VOCABULARY | {"the red": 7}, unk_token="[UNK]"))
    tokens = parsed(made).encode("the red", 4)
    assert tokens.ids.tolist() == [7, 0, 0, 0] and tokens.pieces == ((0, 1),)
    np.testing.assert_allclose(tokens.of_words(np.array([[1, 0, 0, 0]], np.float32)), [[0.5, 0.5]])


def test_attention_over_pieces_is_summed_over_words(tmp_path: Path) -> None:
    tokens = parsed(pieces()).encode("the blue, mug", 8)
    assert tokens.words == ("the", "blue", "mug") and tokens.pieces == ((0,), (1,), (1,), (), (2,))
    weights = np.array([[0.2, 0.1, 0.3, 0.2, 0.2, 0, 0, 0]], np.float32)
    np.testing.assert_allclose(tokens.of_words(weights), [[0.25, 0.5, 0.25]])
    folder = bundle_of(tmp_path / "b", pieces().to_str().encode(), attention=True)
    answer = Segmenter(folder, threads=1).segment(np.full((48, 64, 3), (255, 0, 0), np.uint8), "a red blue")
    assert answer.words == ("a", "red", "blue") and answer.word_attention.shape[1] == 3
    np.testing.assert_allclose(answer.word_attention.sum(1), 1, rtol=1e-5)


@pytest.mark.parametrize("data", [b"{}", b"\x00\xff", b"<pad>\n<unknown>\nred\n"])
def test_a_file_that_is_none_is_refused_in_a_line(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(BundleError, match="tokenizer.json: is no file of the library tokenizers") as refusal:
        Segmenter(bundle_of(tmp_path / "b", data), threads=1)
    assert "\n" not in str(refusal.value)


def test_more_ids_than_the_network_knows(tmp_path: Path) -> None:
    more = pieces(**{f"word{index}": index for index in range(7, 60)}).to_str().encode()
    with pytest.raises(BundleError, match="tokenizer.json: has 60 ids, more than the network knows"):
        Segmenter(bundle_of(tmp_path / "b", more), threads=1)
