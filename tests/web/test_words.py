"""Words, their attention, and what was meant by unknown ones."""

from __future__ import annotations

import numpy as np
import pytest

from refseg_ros.answer import NO_BOX, Answer, Verdict
from refseg_ros.engines.bundle import TABLETOP, Bundle
from refseg_ros.expression import tokenise
from refseg_ros.web import words
from refseg_ros.web.words import MOST_EXAMPLES, examples, nearest, words_of

VOCABULARY = ("the", "red", "mug", "bottle", "of", "left")


def answer(words: tuple[str, ...], attention: list[list[float]], unknown: tuple[str, ...] = ()) -> Answer:
    mask = np.zeros((2, 2), np.uint8)
    weights = np.array(attention, np.float32).reshape(len(attention), len(words))
    return Answer(" ".join(words), Verdict.FOUND, 0.9, mask, NO_BOX, words, weights, unknown)


def test_weights_are_relative_to_the_strongest_word_and_averaged_over_levels():
    shown = words_of(answer(("the", "red", "mug"), [[0.2, 0.4, 0.4], [0.0, 0.2, 0.8]]), VOCABULARY)
    assert [word.text for word in shown] == ["the", "red", "mug"]
    assert [word.weight for word in shown] == pytest.approx([0.1 / 0.6, 0.3 / 0.6, 1.0])
    assert all(word.known for word in shown)


def test_an_unknown_word_has_no_weight_and_a_suggestion_where_one_is_near():
    shown = words_of(answer(("the", "botle", "xyzzy"), [[0.2, 0.7, 0.1]], ("botle", "xyzzy")), VOCABULARY)
    assert [(word.known, word.meant) for word in shown] == [(True, ""), (False, "bottle"), (False, "")]
    assert shown[1].weight == shown[2].weight == 0.0


def test_without_words_or_levels_nothing_breaks():
    assert words_of(answer((), []), VOCABULARY) == ()
    assert [word.weight for word in words_of(answer(("mug",), []), VOCABULARY)] == [0.0]


def test_a_word_of_megabytes_costs_nothing():
    assert nearest("a" * 10_000_000, VOCABULARY) == ""


def test_the_nearest_word_is_looked_up_once():
    """Each page asks several times a second, and a search takes milliseconds."""
    words._nearest.cache_clear()
    assert [nearest("botle", VOCABULARY) for _ in range(3)] == ["bottle"] * 3
    assert words._nearest.cache_info().misses == 1


def test_examples_fit_the_vocabulary_and_what_is_there_comes_first():
    known = Bundle.load(TABLETOP).vocabulary().words[2:]
    offered = examples(known, ["blue can", "plaid teapot"])
    assert offered[0] == "the blue can"
    assert len(offered) <= MOST_EXAMPLES
    assert all(set(tokenise(text)) <= set(known) for text in offered)
    assert examples(()) == ()
