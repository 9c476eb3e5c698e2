from __future__ import annotations

import pytest

from refseg_ros.speech.requests import CLOSINGS, COURTESIES, HESITATIONS, REQUESTS
from refseg_ros.speech.sentences import Sentences, nouns

AROUND = {word for text in (*REQUESTS, *COURTESIES, *CLOSINGS, *HESITATIONS) for word in text.split()}


def test_every_word_of_the_vocabulary_and_no_other_is_said(words):
    said = {word for text in Sentences(words).draw(6000) for word in text.split()}
    assert said <= set(words) | AROUND
    assert set(words) - said <= {"it"}


def test_the_same_vocabulary_says_the_same(words):
    assert list(Sentences(words).draw(50)) == list(Sentences(sorted(words, reverse=True)).draw(50))


def test_words_that_are_in_no_list_are_things():
    said = list(Sentences(["the", "gizmo", "red"]).draw(200))
    assert any(text.endswith("the red gizmo") for text in said) and all("gizmo" in text for text in said)


@pytest.mark.parametrize("word", ["can", "hand", "light", "orange"])
def test_a_thing_that_is_also_a_colour_or_a_request_can_be_asked_for(word):
    assert nouns(["the", "red", word]) == (word,)
    assert any(text.endswith(f"the red {word}") for text in Sentences(["the", "red", word]).draw(200))


def test_a_vocabulary_without_things_is_refused():
    with pytest.raises(ValueError, match="no word that could be a noun"):
        Sentences(["the", "red", "left"])
