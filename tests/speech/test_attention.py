from __future__ import annotations

import pytest

pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed (the extra `speech`)")

from refseg_ros.speech.attention import Attention, Ignored
from refseg_ros.speech.recogniser import Heard

THINGS = ("mug", "bowl")


def ask(attention: Attention, text: str, moment: float = 0.0, confidence: float = 0.9) -> str | Ignored:
    said = len(text) / 10
    return attention.query_in(Heard(text, confidence), moment, moment + said, minimum_confidence=0.5, wake_seconds=8.0)


def test_a_query_needs_the_wake_word():
    attention = Attention("hey robot", THINGS)
    assert ask(attention, "the red mug") is Ignored.NOT_CALLED
    assert ask(attention, "hey robot could you find the red mug") == "the red mug"
    assert ask(attention, "the red mug") is Ignored.NOT_CALLED


def test_the_wake_word_alone_waits_for_a_while_and_for_one_query():
    attention = Attention("robot", THINGS)
    assert ask(attention, "robot", 0.0) is Ignored.ONLY_CALLED
    assert ask(attention, "the red mug", 8.4) == "the red mug", "0.5 s of the wake word, and 8 s until it begins"
    assert ask(attention, "the red mug", 8.45) is Ignored.NOT_CALLED
    assert ask(attention, "robot", 20.0) is Ignored.ONLY_CALLED
    assert ask(attention, "the red mug", 28.6) is Ignored.NOT_CALLED


def test_what_is_unsure_or_says_nothing_is_no_query():
    attention = Attention("", THINGS)
    assert ask(attention, "the red mug") == "the red mug"
    assert ask(attention, "the red mug", confidence=0.49) is Ignored.UNSURE
    assert ask(attention, "could you please") is Ignored.NO_THING
    assert ask(attention, "up a") is Ignored.NO_THING
    assert ask(attention, "") is Ignored.NO_THING
