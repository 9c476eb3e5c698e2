"""Text -> words -> ids: properties over arbitrary text, and the reports."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refseg_ros.expression import (
    CUT_MARK,
    MAX_CHARACTERS,
    PADDING,
    UNKNOWN,
    Vocabulary,
    dump_synonyms,
    normalise,
    parse_synonyms,
    tokenise,
)

# Lone surrogates and control characters included.
any_text = st.text(st.characters(exclude_categories=()), max_size=300)
IGNORABLE = "\u00ad\u061c\u115f\u1160\u180e\u200c\u200d\u200e\u200f\u2061\u3164\ufe0e\ufe0f\ufeff\uffa0\U000e0041"
SIGNS = "☕🍎❤×€♥\N{EMOJI MODIFIER FITZPATRICK TYPE-3}\N{REPLACEMENT CHARACTER}\U0003fffd"
"""The last one is no character of any version of Unicode yet."""


@given(any_text)
def test_normalise_is_idempotent_and_printable(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert not any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in once)


@given(st.text(st.sampled_from("\ufdfa\u3300x "), max_size=5), st.integers(1, MAX_CHARACTERS))
def test_what_grows_when_it_is_folded_is_cut_and_says_so(piece: str, times: int) -> None:
    text = f"{piece} " * times
    once = normalise(text)
    assert normalise(once) == once and len(once) <= MAX_CHARACTERS
    is_cut = Vocabulary([]).encode(text, 1).truncated[-1:] == (CUT_MARK,)
    assert is_cut or tokenise(text) == tokenise(piece) * times


@given(st.lists(any_text, max_size=4), st.sampled_from(IGNORABLE))
def test_what_only_says_how_others_are_drawn_changes_no_word(parts: list[str], ignorable: str) -> None:
    assert tokenise(ignorable.join(parts)) == tokenise("".join(parts))


@given(any_text, st.sampled_from(SIGNS), any_text)
def test_no_sign_is_lost(before: str, sign: str, after: str) -> None:
    tokens = Vocabulary(["mug", "red", "the"]).encode(before + sign + after, 20)
    said = "".join((*tokens.words, *tokens.unknown, *tokens.truncated))
    assert sign in said


@given(any_text, st.integers(1, 20))
def test_encode_accounts_for_every_word(text: str, max_words: int) -> None:
    vocabulary = Vocabulary(["mug", "red", "the"])
    encoded = vocabulary.encode(text, max_words)
    seen = [*encoded.words, *(word for word in encoded.truncated if word != CUT_MARK)]
    rest = iter(tokenise(text))
    assert all(word in rest for word in seen), "in the order in which they were said"
    assert set(tokenise(text)) == {*seen, *encoded.unknown}
    assert encoded.ids.shape == (max_words,) and encoded.ids.dtype == np.int64
    assert (encoded.ids[len(encoded.words) :] == PADDING).all()
    assert all((encoded.ids[i] == UNKNOWN) == (word in encoded.unknown) for i, word in enumerate(encoded.words))


def test_words_survive_case_punctuation_and_space() -> None:
    assert tokenise("  The RED mug,\tleft of\x00the bowl. ") == ["the", "red", "mug", "left", "of", "the", "bowl"]
    assert tokenise("man’s 2nd-hand cup") == ["man's", "2nd", "hand", "cup"]


@pytest.mark.parametrize("sign", "'’＇´‘`′‛ʼꞌʹ")
def test_any_apostrophe_is_one(sign: str) -> None:
    assert tokenise(f"the man{sign}s {sign}red{sign} mug") == ["the", "man's", "red", "mug"]


@pytest.mark.parametrize(
    "text",
    [
        "लाल प्याला मेज़ पर बाईं ओर",
        "ถ้วยสีแดง ข้างหลัง กล่อง",
        "הַכּוֹס הָאֲדֻמָּה",
        "اَلْكَأْسُ اَلْحَمْرَاءُ",
        "சிவப்பு கோப்பை",
        "লাল কাপ",
        "ក្រហម ពែង",
        "ခွက် အနီ",
        "a\N{COMBINING ENCLOSING CIRCLE}b q\N{COMBINING DOT BELOW}x",
        "red 杯子 mug",
    ],
)
def test_marks_stay_with_their_words(text: str) -> None:
    words = tokenise(text)
    assert words == normalise(text).split(" ") and len(words) == len(text.split(" "))
    assert Vocabulary(["red"]).encode(text, 20).unknown == tuple(word for word in words if word != "red")
    vocabulary = Vocabulary.of_texts([text])
    assert len(set(vocabulary.encode(text, 20).ids.tolist()) - {PADDING}) == len(words)


def test_joiners_do_not_part_a_word() -> None:
    assert tokenise("می\N{ZERO WIDTH NON-JOINER}خواهم") == ["میخواهم"]
    assert tokenise("क्\N{ZERO WIDTH JOINER}ष") == tokenise("क्ष") == ["क्ष"]
    assert tokenise("wa\N{SOFT HYPHEN}ter e\N{ZERO WIDTH JOINER}\N{COMBINING ACUTE ACCENT}t") == ["water", "ét"]
    assert tokenise("ถ้วย\N{ZERO WIDTH SPACE}แดง") == ["ถ้วย", "แดง"]
    assert tokenise("\N{COMBINING ACUTE ACCENT}") == []


def test_signs_are_words_of_their_own() -> None:
    assert tokenise("the☕mug \N{HEAVY BLACK HEART}\ufe0f, ok") == ["the", "☕", "mug", "\N{HEAVY BLACK HEART}", "ok"]
    assert tokenise("\N{WOMAN}\u200d\N{COOKING}s") == ["\N{WOMAN}\N{COOKING}", "s"]
    assert tokenise("a + b | c") == ["a", "b", "c"], "those of ASCII are punctuation"
    assert tokenise("½ coca-cola® of 20 °C©") == ["1", "2", "coca", "cola", "of", "20", "c"]
    assert tokenise("the Mug™ Care℠") == ["the", "mug", "care"]


@pytest.mark.parametrize("text", ["the red 🍎", "the ☕ on the left", "find the ☕ please", "the red\ufe0f ❤\ufe0f"])
def test_a_sign_in_the_place_of_the_noun_is_not_understood(text: str) -> None:
    tokens = Vocabulary(["find", "left", "mug", "on", "red", "the"]).encode(text, 8)
    assert tokens.unknown and tokens.noun in tokens.unknown and not tokens.understood


@pytest.mark.parametrize("text", ["the red mug ☕", "the 🔴 mug", "find the mug 🙏"])
def test_a_sign_beside_the_noun_makes_doubtful(text: str) -> None:
    tokens = Vocabulary(["find", "mug", "red", "the"]).encode(text, 8)
    assert tokens.noun == "mug" and tokens.understood and tokens.doubtful and len(tokens.unknown) == 1


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


@pytest.mark.parametrize("text", ["a black car", "mug car", "the car left of the mug", "could you find the car please"])
def test_nothing_is_understood_of_a_noun_that_is_unknown(text: str) -> None:
    tokens = Vocabulary(["black", "left", "mug", "of", "the"]).encode(text, 8)
    assert tokens.noun == "car" and "car" in tokens.unknown and not tokens.understood


def test_the_unknown_noun_is_named_even_where_it_is_cut_off() -> None:
    tokens = Vocabulary(["red"]).encode("red red red car", 3)
    assert tokens.unknown == ("car",) and not tokens.understood


def test_unknown_words_that_only_ask_are_left_out() -> None:
    vocabulary = Vocabulary(["find", "mug", "red", "the"])
    said, plain = (vocabulary.encode(text, 6) for text in ("please find the red mug, thank you", "find the red mug"))
    assert said.ids.tolist() == plain.ids.tolist() and said.words == plain.words
    assert said.unknown == ("please", "thank", "you") and said.understood and not said.doubtful
    assert vocabulary.encode("the shiny mug", 6).doubtful and vocabulary.encode("the mug by the car", 6).doubtful


def test_synonyms_are_read_as_the_known_word(tmp_path: Path) -> None:
    vocabulary = Vocabulary(["cup", "the"], {"tumbler": "cup"})
    tokens = vocabulary.encode("the tumbler", 3)
    assert tokens.ids.tolist() == vocabulary.encode("the cup", 3).ids.tolist()
    assert tokens.words == ("the", "tumbler") and tokens.understood and not tokens.unknown
    assert len(vocabulary) == 4 and "tumbler" not in vocabulary.dump()
    assert parse_synonyms(dump_synonyms(vocabulary.synonyms).encode(), "a file") == vocabulary.synonyms


@pytest.mark.parametrize("synonyms", [{"cup": "mug"}, {"tumbler": "glass"}, {"tumbler": "<unknown>"}])
def test_a_synonym_of_no_use_is_refused(synonyms: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="the file: the synonym"):
        Vocabulary(["cup", "mug"]).with_synonyms(synonyms, "the file")


@pytest.mark.parametrize("content", [b"tumbler\n", b"wine glass cup\n", b"\xff cup\n"])
def test_a_broken_synonyms_file_is_named_with_the_reason(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^a file(, line 1)?: "):
        parse_synonyms(content, "a file")


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


def test_a_known_word_that_asks_is_not_the_thing_that_it_may_name() -> None:
    """A can, a hand and a watch are things; "can you hand me" is none of them."""
    vocabulary = Vocabulary(["can", "find", "hand", "mug", "the", "watch"])
    for text, words in (
        ("can you see the mug", ("the", "mug")),
        ("hand me the can", ("the", "can")),
        ("watch the hand", ("the", "hand")),
        ("find the watch", ("find", "the", "watch")),
        ("can on the hand", ("can", "on", "the", "hand")),
    ):
        assert vocabulary.encode(text, 8).words == words


def test_thanks_are_not_seen_even_if_they_are_known_words() -> None:
    vocabulary = Vocabulary(["back", "mug", "now", "right", "robot", "the", "toy"])
    assert vocabulary.encode("the mug right now", 8).words == ("the", "mug")
    assert vocabulary.encode("give me the mug back", 8).words == ("the", "mug")
    assert vocabulary.encode("the mug on the right", 8).words == ("the", "mug", "on", "the", "right")
    assert vocabulary.encode("the toy robot", 8).words == ("the", "toy", "robot")


def test_words_that_only_point_do_not_make_doubtful() -> None:
    vocabulary = Vocabulary(["a", "apple", "mug", "red"])
    for text, words in (("an apple", ("an", "apple")), ("my red mug", ("red", "mug")), ("this mug", ("mug",))):
        encoded = vocabulary.encode(text, 6)
        assert encoded.words == words and encoded.understood and not encoded.doubtful
    assert vocabulary.encode("an apple", 2).ids.tolist() == vocabulary.encode("a apple", 2).ids.tolist()
    assert vocabulary.encode("my mug", 6).unknown == ("my",), "it is told all the same"
    assert vocabulary.encode("his mug", 6).doubtful and vocabulary.encode("the other mug", 6).doubtful


def test_what_was_cut_off_may_have_meant_another_thing() -> None:
    vocabulary = Vocabulary(["bowl", "is", "not", "pink", "that", "the"])
    assert vocabulary.encode("the bowl that is not pink", 6).doubtful is False
    cut = vocabulary.encode("the bowl that is not pink", 4)
    assert cut.truncated == ("not", "pink") and cut.doubtful and cut.understood
    assert not vocabulary.encode("not not not the bowl", 3).understood, "its noun was not seen"
