"""The noun that an expression is about: by hand, and by what must hold for whatever people say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refseg_ros.expression import FUNCTION_WORDS, tokenise
from refseg_ros.language.noun_phrases import courtesy, head_noun, request
from refseg_ros.simulation.tabletop import COLOURS
from refseg_ros.simulation.wording import ANYTHING, CLASS_WORDS

SAID = Path(os.environ.get("REFSEG_DATA", Path(__file__).parents[3] / "shared" / "data")) / "refcoco_text"


def noun(text: str) -> str:
    words = tokenise(text)
    head = head_noun(words)
    return "" if head is None else words[head]


BY_HAND = [
    ("a black car", "car"),
    ("car", "car"),
    ("the car on the left", "car"),
    ("find the black car", "car"),
    ("show me the red mug", "mug"),
    ("can you see the toaster on the table", "toaster"),
    ("can on the left", "can"),
    ("the can", "can"),
    ("where is the mug", "mug"),
    ("could you please hand me the big blue stapler", "stapler"),
    ("second from the left mug", "mug"),
    ("third mug from the right", "mug"),
    ("the second mug from the left", "mug"),
    ("the left", ""),
    ("on the left", ""),
    ("the red one", "one"),
    ("leftmost thing", "thing"),
    ("the mug that is not red", "mug"),
    ("non red mug", "mug"),
    ("mug on the left that is moving", "mug"),
    ("moving mug", "mug"),
    ("cutting board", "board"),
    ("rolling ball", "ball"),
    ("the red bearing", "bearing"),
    ("the housing on the left", "housing"),
    ("the orange casting behind the mug", "casting"),
    ("bring me the second bushing from the left", "bushing"),
    ("the one standing", "one"),
    ("ball rolling to the left", "ball"),
    ("the thing that is moving", "thing"),
    ("pair of scissors", "scissors"),
    ("one of the mugs", "mugs"),
    ("a slice of pizza", "pizza"),
    ("bag of marbles", "bag"),
    ("glass of orange juice", "glass"),
    ("the orange", "orange"),
    ("the orange mug", "mug"),
    ("the orange 🍎", "🍎"),
    ("the mug ☕ on the left", "mug"),
    ("orange on the left", "orange"),
    ("cup of coffee", "cup"),
    ("pick up the mug", "mug"),
    ("pick the mug up", "mug"),
    ("red", ""),
    ("the red", ""),
    ("black and white cat", "cat"),
    ("mug next to the car", "mug"),
    ("car next to the mug", "car"),
    ("the mug behind the toaster", "mug"),
    ("man's hand", "hand"),
    ("rubik's cube", "cube"),
    ("wine glass", "glass"),
    ("what is left of the mug", ""),
    ("is there a banana", "banana"),
    ("please find the goblet", "goblet"),
    ("xyzzy", "xyzzy"),
    ("the shiny red mug", "mug"),
    ("i want the teddy bear", "bear"),
    ("hey robot bring me the yellow screwdriver", "screwdriver"),
    ("mug in front of the book", "mug"),
    ("closest bowl", "bowl"),
    ("bowl closest to us", "bowl"),
    ("object at the back", "object"),
    ("the book with a red cover", "book"),
    ("the mug between the bowl and the can", "mug"),
    ("still bottle", "bottle"),
    ("bottle standing still", "bottle"),
    ("bottle at rest", "bottle"),
    ("the drill you can see", "drill"),
    ("everything on the table", "everything"),
    ("the ball being pushed", "ball"),
    ("light bulb", "bulb"),
    ("the light", "light"),
    ("the light one", "one"),
    ("glass", "glass"),
    ("glass bottle", "bottle"),
    ("point at the kettle", "kettle"),
    ("hammer", "hammer"),
    ("a second-hand cup", "cup"),
    ("man white shirt next to bananas", "man"),
    ("guy in dark suit and glasses next to redhead guy", "guy"),
    ("overturned white truck", "truck"),
    ("half of figure on the bottom right", "figure"),
    ("motorcycle closest to camera", "motorcycle"),
    ("kid with helmut", "kid"),
    ("glass with more orange juice", "glass"),
    ("man orange shirt", "man"),
    ("chair right", "chair"),
    ("center apple at bottom", "apple"),
    ("2 cups", "cups"),
    ("cake half eaten", "cake"),
    ("white van with curtains", "van"),
    ("the umbrella in back to the right of the bottom red", "umbrella"),
    ("the mug now", "mug"),
    ("the red mug then", "mug"),
    ("then the bowl", "bowl"),
    ("now red mug", "mug"),
    ("the mug again", "mug"),
    ("the mug that's red", "mug"),
    ("the toy robot", "robot"),
    ("the cup made of paper", "cup"),
    ("the sandwich cut in half", "sandwich"),
    ("the orange cut in half", "orange"),
    ("the cut sandwich", "sandwich"),
    ("man sat on the chair", "man"),
    ("the phone held by the man", "phone"),
    ("fork bent in half", "fork"),
    ("cut off person on left", "person"),
    ("the tea set on the table", "set"),
    ("the upside-down mug", "mug"),
    ("mug upside down", "mug"),
    ("the see-through glass", "glass"),
    ("see-through glass", "glass"),
    ("see the glass", "glass"),
    ("person can see elbow", "elbow"),
    ("the laying down sheep", "sheep"),
    ("the casting over the mug", "casting"),
    ("off-white suitcase", "suitcase"),
    ("the mug nearby", "mug"),
    ("grasp the mug", "mug"),
    ("could you retrieve my red mug", "mug"),
    ("robot, inspect the mug that is on the left", "mug"),
    ("navigate to the mug", "mug"),
    ("head towards the mug", "mug"),
    ("walk over to the mug", "mug"),
    ("head on the left", "head"),
    ("look towards the mug", "mug"),
    ("focus on the mug", "mug"),
    ("turn towards the light", "light"),
    ("table the cake is on", "table"),
    ("mug that is red", "mug"),
    ("mug no. 2", "mug"),
    ("mug number 2", "mug"),
    ("number 2 mug", "mug"),
    ("the number on the shirt", "number"),
    ("the red number 5", "number"),
    ("no smoking sign", "sign"),
    ("man no hat", "man"),
    ("no, the blue mug", "mug"),
]


@pytest.mark.parametrize(("text", "head"), BY_HAND)
def test_by_hand(text: str, head: str) -> None:
    assert noun(text) == head


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("grab the mug right now", "grab the mug"),
        ("the mug on the left right away please", "the mug on the left"),
        ("the mug on the right now", "the mug on the right"),
        ("the mug on right now", "the mug on right"),
        ("the ball rolling right now", "the ball rolling right"),
        ("give me the mug back", "give me the mug"),
        ("could you hand me the red mug back, please", "could you hand me the red mug"),
        ("give me the mug at the back", "give me the mug at the back"),
        ("bring me the mug on the left back", "bring me the mug on the left back"),
        ("find the mug back", "find the mug back"),
        ("the mug for me, thank you very much", "the mug"),
        ("the mug closest to you", "the mug closest to"),
    ],
)
def test_courtesies_end_where_a_place_begins(text: str, rest: str) -> None:
    words = tokenise(text)
    assert words[: len(words) - courtesy(words)] == tokenise(rest)


ANY_WORDS = (
    "the a of from on left red mug zorble one pair can hand you that is not moving eaten me please second and man's 3"
)


@given(st.lists(st.sampled_from(ANY_WORDS.split())))
def test_any_order_of_words_has_a_head_or_none(words: list[str]) -> None:
    head = head_noun(words)
    assert head is None or 0 <= head < len(words)
    assert 0 <= request(words) <= len(words) and 0 <= courtesy(words) <= len(words)


def phrases_of_people() -> list[str]:
    if not SAID.is_dir():
        pytest.skip(f"{SAID} is not here")
    return (SAID / "expressions.txt").read_text().splitlines()


def test_what_people_say_keeps_its_noun_under_what_changes_nothing() -> None:
    """An article, a request, a courtesy, capitals: over all phrases that have a noun and begin with neither."""
    plain = [text for text in phrases_of_people() if noun(text) and not request(tokenise(text))]
    assert len(plain) > 12_000
    for text in plain:
        assert noun(text.upper()) == noun(text)
        assert noun(f"show me {text}") == noun(text)
        assert noun(f"{text} please") == noun(text)
    begun = [text for text in plain if tokenise(text)[0] not in ("the", "a", "this", "that", "no", "not", "and", "or")]
    assert all(noun(f"the {text}") == noun(text) for text in begun)


def test_the_noun_of_what_people_say_is_no_colour_and_no_small_word() -> None:
    nouns = [noun(text) for text in phrases_of_people()]
    assert not {*FUNCTION_WORDS, *COLOURS, "left", "right", "with", "next"} & ({*nouns} - {"orange"})
    assert sum(not head for head in nouns) < 0.06 * len(nouns), "most phrases name something"


def test_a_noun_with_a_known_thing_behind_a_relation_stays_the_noun() -> None:
    things = [text for text in phrases_of_people() if len(tokenise(text)) == 2 and noun(text) == tokenise(text)[1]]
    assert len(things) > 1000
    for text in things:
        for more in (
            "on the left",
            "next to the mug",
            "that is red",
            "holding a mug",
            "in the middle",
            "closest to us",
        ):
            assert noun(f"{text} {more}") == noun(text)


def test_the_nouns_of_the_simulator_are_found() -> None:
    for name in [*ANYTHING, *(word for words in CLASS_WORDS.values() for word in words)]:
        for text in ("{}", "the red {}", "second {} from the left", "second from the left {}", "{} that is not blue"):
            assert noun(text.format(name)) == name.split()[-1]
