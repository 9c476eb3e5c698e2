from __future__ import annotations

import numpy as np
import pytest

from refseg_ros.engines.bundle import DEFAULT
from refseg_ros.engines.manifest import VOCABULARY
from refseg_ros.expression import Vocabulary
from refseg_ros.simulation.wording import all_texts
from refseg_ros.speech.requests import expression_in
from refseg_ros.speech.sentences import nouns
from tests.speech.voice import needs_espeak, say

ASKED = (
    *("the red mug", "the blue bowl on the left", "the second block from the right", "the rightmost green bottle"),
    *("the book that is not black", "the small plate next to the banana", "the yellow ball rolling to the left"),
    *("the leftmost object", "the mug between the bowl and the hammer", "the big white cube behind the can"),
)
STRANGE = (
    *("what time does the train leave tomorrow", "turn off the lights in the kitchen", "she plays the piano well"),
    *("my computer is very slow today", "nobody knows where the money went", "we are on holiday next month"),
)


@needs_espeak
def test_at_least_eight_of_ten_spoken_expressions_are_heard_word_by_word(recogniser):
    heard = [expression_in(recogniser.hear(say(f"could you please find {text}")).text) for text in ASKED]
    right = [text for text, words in zip(ASKED, heard, strict=True) if words == text]
    assert len(right) >= 8, list(zip(ASKED, heard, strict=True))


@needs_espeak
def test_confidence_tells_expressions_from_other_talk(recogniser):
    asked = [recogniser.hear(say(text)).confidence for text in ASKED[:6]]
    strange = [recogniser.hear(say(text)).confidence for text in STRANGE]
    assert sum(value >= 0.5 for value in asked) >= 5, asked
    assert sum(value >= 0.5 for value in strange) <= 1, strange


@needs_espeak
def test_the_same_sound_gives_the_same_words_whatever_came_before(recogniser):
    sound = say("robot find the red mug")
    first = recogniser.hear(sound)
    recogniser.hear(say(STRANGE[0]))
    assert recogniser.hear(sound) == first
    assert first.text == "robot find the red mug"


def test_silence_and_noise_name_nothing_with_confidence(recogniser, words):
    noise = np.random.default_rng(1).normal(0, 3000, 16_000).astype(np.int16)
    for sound in (np.zeros(16_000, np.int16), np.zeros(0, np.int16), noise):
        heard = recogniser.hear(sound)
        assert heard.confidence < 0.5 or not set(nouns(words)) & set(heard.text.split()), heard


def test_every_word_of_the_shipped_model_can_be_heard(recogniser, words):
    assert recogniser.unpronounceable == ()
    assert {word for text in all_texts() for word in text.split()} <= set(words)


def test_every_word_of_the_default_model_can_be_heard():
    from refseg_ros.speech.recogniser import Recogniser

    assert Recogniser(Vocabulary.load(DEFAULT / VOCABULARY).words[2:]).unpronounceable == ()


def test_words_without_pronunciation_are_reported(words):
    from refseg_ros.speech.recogniser import Recogniser

    made = Recogniser(["the", "mug", "xqzzt"])
    assert made.unpronounceable == ("xqzzt",)
    with pytest.raises(ValueError, match="wake word 'xqzzt'"):
        Recogniser(["the", "mug"], "Robot, Xqzzt!")
