"""Expressions about simulated scenes: an independent listener finds the one thing that each means, or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from model_training.datasets.pool import TRAIN_PAIRS
from model_training.datasets.scene_batches import flipped, tabletop_vocabulary
from refseg_ros.expression import tokenise
from refseg_ros.simulation.appearance import HELD_OUT_PAIRS
from refseg_ros.simulation.phrases import ALL_PAIRS, KINDS, Phrase, phrases
from refseg_ros.simulation.tabletop import COLOURS, ObjectTruth, Tabletop
from refseg_ros.simulation.wording import CLASS_WORDS, COLOUR_WORDS, MAX_WORDS
from tests.simulation.listener import Listener
from tests.simulation.scenes_by_hand import HEIGHT, WIDTH, draw, thing

SCENES = 300

Scene = tuple[ObjectTruth, ...]


def said(scene: Scene, seed: int = 0, pairs: frozenset[tuple[str, str]] = ALL_PAIRS) -> list[Phrase]:
    return phrases(scene, WIDTH, HEIGHT, np.random.default_rng(seed), pairs)


@pytest.fixture(scope="module")
def spoken() -> list[tuple[Scene, list[Phrase]]]:
    """Scenes of both splits with everything that is said of them."""
    scenes = [draw(seed, "held_out" if seed % 3 == 0 else "train") for seed in range(SCENES)]
    return [(scene, said(scene, seed)) for seed, scene in enumerate(scenes)]


def each(spoken: list[tuple[Scene, list[Phrase]]]) -> Iterator[tuple[Scene, Phrase]]:
    return ((scene, phrase) for scene, made in spoken for phrase in made)


def test_exactly_the_target_is_meant(spoken: list[tuple[Scene, list[Phrase]]]) -> None:
    for scene, phrase in each(spoken):
        meant = [found.instance_id for found in Listener(scene).meant(phrase.text)]
        assert meant == ([] if phrase.target is None else [phrase.target]), phrase


def test_with_its_anchor_swapped_a_relation_fits_nothing(spoken: list[tuple[Scene, list[Phrase]]]) -> None:
    swapped = [(scene, phrase) for scene, phrase in each(spoken) if phrase.swapped]
    assert len(swapped) > 100
    for scene, phrase in swapped:
        assert phrase.kind == "relation" and Listener(scene).meant(phrase.swapped) == [], phrase


def test_every_kind_and_reason_occurs(spoken: list[tuple[Scene, list[Phrase]]]) -> None:
    kinds = Counter(phrase.kind for _, phrase in each(spoken))
    assert set(kinds) == set(KINDS) - {"event"} and min(kinds.values()) >= 30
    reasons = Counter(phrase.reason for _, phrase in each(spoken) if phrase.target is None)
    assert set(reasons) == {"thing", "anchor", "relation", "motion", "order", "negation"}
    assert all(
        (phrase.kind == "absent") == (phrase.target is None) == bool(phrase.reason) for _, phrase in each(spoken)
    )


def test_targets_and_anchors_can_be_seen(spoken: list[tuple[Scene, list[Phrase]]]) -> None:
    for scene, phrase in each(spoken):
        visible = {item.instance_id for item in scene if item.visible_fraction >= 0.45}
        assert phrase.target is None or phrase.target in visible
        assert set(phrase.anchors) <= visible


def test_candidates_fit_the_head_and_contain_the_target(spoken: list[tuple[Scene, list[Phrase]]]) -> None:
    for _, phrase in each(spoken):
        assert phrase.target is None or phrase.target in phrase.candidates, phrase
        assert not set(phrase.anchors) & set(phrase.candidates), phrase


def test_every_word_is_in_the_vocabulary_and_none_is_too_much(spoken: list[tuple[Scene, list[Phrase]]]) -> None:
    vocabulary = tabletop_vocabulary()
    for text in [text for _, phrase in each(spoken) for text in (phrase.text, phrase.swapped)]:
        words = tokenise(text)
        assert len(words) <= MAX_WORDS and all(word in vocabulary for word in words), text


def test_the_longest_relation_stays_within_the_limit() -> None:
    scene = (
        thing(1, "goblet", "purple", 0.1), thing(2, "can", "orange", 0.9), thing(3, "mug", "gray", 0.5),
        thing(4, "mug", "gray", 0.5, 0.4), thing(5, "can", "red", 0.9, 0.4), thing(6, "goblet", "red", 0.1, 0.4),
    )  # fmt: skip
    lengths = [
        len(phrase.text.split()) for seed in range(300) for phrase in said(scene, seed) if len(phrase.anchors) == 2
    ]
    assert 14 <= max(lengths) <= MAX_WORDS


def test_the_mirrored_scene_swaps_left_and_right() -> None:
    swap = {"left": "right", "right": "left", "leftmost": "rightmost", "rightmost": "leftmost"}
    swap |= {"leftwards": "rightwards", "rightwards": "leftwards"}
    checked = 0
    for seed in range(60):
        scene = draw(seed)
        mirrored = Listener(tuple(flipped(item, WIDTH) for item in scene))
        assert tuple(flipped(flipped(item, WIDTH), WIDTH) for item in scene) == scene
        for phrase in said(scene, seed):
            text = " ".join(swap.get(word, word) for word in phrase.text.split())
            meant = [found.instance_id for found in mirrored.meant(text)]
            assert meant == ([] if phrase.target is None else [phrase.target]), (phrase, text)
            checked += text != phrase.text
    assert checked > 300


def test_texts_for_training_never_name_a_held_out_pair() -> None:
    forbidden = [
        name
        for colour, class_name in HELD_OUT_PAIRS
        for noun in CLASS_WORDS[class_name]
        for said_colour in COLOUR_WORDS.get(colour, (colour,))
        for name in (f" {said_colour} {noun} ", f" {noun} that is {said_colour} ")
    ]
    for seed in range(100):
        for phrase in said(draw(seed), seed, TRAIN_PAIRS):
            for text in (phrase.text, phrase.swapped):
                assert not [name for name in forbidden if name in f" {text} "], text


def test_the_same_generator_says_the_same() -> None:
    scene = draw(5)
    assert said(scene, 3) == said(scene, 3) and said(scene, 3) != said(scene, 4)


def related(phrase: Phrase) -> set[int]:
    """The target of a relation and its anchors; empty for other kinds."""
    return {phrase.target or 0, *phrase.anchors} if phrase.kind == "relation" else set()


def test_what_is_not_clear_is_not_said() -> None:
    a_little_left_far_behind = (
        thing(1, "mug", "red", 0.50, 0.3),
        thing(2, "mug", "blue", 0.9),
        thing(3, "bowl", "green", 0.56),
    )
    made = [phrase for seed in range(20) for phrase in said(a_little_left_far_behind, seed)]
    of_red_mug_and_bowl = [phrase.text for phrase in made if related(phrase) == {1, 3}]
    assert of_red_mug_and_bowl and not any("left" in text or "right" in text for text in of_red_mug_and_bowl)
    crawling = (thing(1, "ball", "red", velocity=(0.05, 0.0, 0.0)), thing(2, "ball", "blue", 0.9))
    assert not [p for seed in range(20) for p in said(crawling, seed) if "motion" in (p.kind, p.reason)]
    nearly_equal = (thing(1, "mug", "red", 0.1, scale=1.0), thing(2, "mug", "blue", 0.9, scale=1.2))
    assert not [p for seed in range(20) for p in said(nearly_equal, seed) if p.kind == "size"]


def test_what_some_would_not_see_is_not_counted() -> None:
    row = [
        thing(number, "ball", colour, x) for number, colour, x in ((1, "red", 0.1), (2, "blue", 0.4), (3, "lime", 0.7))
    ]
    hidden = thing(4, "ball", "pink", 0.9, pixels=6, visible_fraction=0.02)
    assert [p for p in said(tuple(row)) if p.kind == "order"]
    assert not [p for seed in range(10) for p in said((*row, hidden), seed) if p.kind == "order"]


def test_an_empty_scene_offers_absent_things_only() -> None:
    made = said(())
    assert made and all(phrase.target is None and phrase.reason == "thing" for phrase in made)


def test_of_many_nouns_several_that_are_not_there_are_named_alone() -> None:
    nouns = ("mug", "pear", "fork", "whisk", "lemon", "sponge", "kettle", "spoon", "apple")
    scene = (replace(thing(1, "mug", "red", 0.5), class_name="", names=("mug",)),)
    made = phrases(scene, WIDTH, HEIGHT, np.random.default_rng(0), nouns=nouns, closed=False)
    alone = {p.text.split()[-1] for p in made if p.reason == "thing" and not set(p.text.split()) & {*COLOURS}}
    assert len(alone & {*nouns}) >= 3 and "mug" not in alone


def test_real_scenes_are_described_as_truly() -> None:
    with Tabletop(WIDTH, HEIGHT) as tabletop:
        for seed, moving in ((11, False), (12, True), (13, False), (14, True)):
            tabletop.reset(seed, "train", moving=moving)
            tabletop.advance(0.3)
            frame = tabletop.render(depth=False)
            for phrase in said(frame.objects, seed, TRAIN_PAIRS):
                meant = [found.instance_id for found in Listener(frame.objects).meant(phrase.text)]
                assert meant == ([] if phrase.target is None else [phrase.target]), phrase
                assert phrase.target is None or (frame.labels == phrase.target).any()
