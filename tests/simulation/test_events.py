"""What happened in a clip: an independent listener finds the one thing that each expression of it means, or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from model_training.datasets.rendering import SceneSet, draw_scene
from model_training.datasets.scene_batches import tabletop_vocabulary
from refseg_ros.expression import tokenise
from refseg_ros.simulation.phrases import Phrase, phrases
from refseg_ros.simulation.tabletop import ObjectTruth, Tabletop, remembered
from refseg_ros.simulation.wording import EVENTS, MAX_WORDS
from tests.simulation.listener import Listener
from tests.simulation.scenes_by_hand import HEIGHT, WIDTH, draw, thing

SIZE = 96, 72
FRAMES = 4


def said(scene: tuple[ObjectTruth, ...], seed: int, width: int = WIDTH, height: int = HEIGHT) -> list[Phrase]:
    made = phrases(scene, width, height, np.random.default_rng(seed))
    return [phrase for phrase in made if "event" in (phrase.kind, phrase.reason)]


def with_past(scene: tuple[ObjectTruth, ...], seed: int) -> tuple[ObjectTruth, ...]:
    """A scene whose things moved, or not, in each of three earlier frames; few of them crawled."""
    rng = np.random.default_rng([seed, 98])
    pace = lambda: float(rng.choice([0.0, 0.2, 0.05], p=[0.55, 0.44, 0.01]))  # noqa: E731
    kinds = lambda: str(rng.choice(["pushed", "sliding"]))  # noqa: E731
    return tuple(replace(one, earlier=(pace(), pace(), pace()), earlier_motion=kinds()) for one in scene)


def check(scene: tuple[ObjectTruth, ...], phrase: Phrase) -> None:
    meant = [found.instance_id for found in Listener(scene).meant(phrase.text)]
    assert meant == ([] if phrase.target is None else [phrase.target]), phrase


def test_exactly_the_target_is_meant() -> None:
    seen: Counter[str] = Counter()
    vocabulary = tabletop_vocabulary(events=True)
    for seed in range(400):
        scene = with_past(draw(seed), seed)
        for phrase in said(scene, seed):
            check(scene, phrase)
            words = tokenise(phrase.text)
            assert len(words) <= MAX_WORDS and all(word in vocabulary for word in words)
            seen[phrase.reason or "fits"] += 1
            seen.update({"pushed", "first", "last", "stopped"} & {*words})
    assert min(seen.values()) >= 30 and len(seen) == 6, seen


def test_nothing_is_said_without_a_clip_or_of_a_thing_that_crawls() -> None:
    moving = (thing(1, "ball", "red", velocity=(0.2, 0.0, 0.0)), thing(2, "ball", "blue", 0.9))
    assert not said(moving, 0)
    clip = tuple(replace(one, earlier=(0.0, 0.0)) for one in moving)
    assert {phrase.target for phrase in said(clip, 0) if phrase.target} == {1}
    assert not said(tuple(replace(one, earlier=(0.05, 0.0)) for one in moving), 0)


def test_two_that_begin_at_once_are_neither_first_nor_last() -> None:
    both = tuple(thing(i, "can", "red", 0.3 * i, velocity=(0.2, 0.0, 0.0), earlier=(0.0, 0.2)) for i in (1, 2))
    texts = {phrase.text for seed in range(20) for phrase in said(both, seed)}
    assert texts and not [text for text in texts if {"first", "last"} & {*text.split()}]


def test_words_of_events_are_known_to_those_alone_that_learn_them() -> None:
    plain, whole = tabletop_vocabulary(), tabletop_vocabulary(events=True)
    assert "stopped" in whole and "stopped" not in plain
    assert {*plain.words} < {*whole.words}


@pytest.fixture(scope="module")
def tabletop() -> Iterator[Tabletop]:
    with Tabletop(*SIZE) as opened:
        yield opened


def test_the_past_of_a_thing_is_what_it_did(tabletop: Tabletop) -> None:
    tabletop.reset(3, moving=True, spread=1.2)
    clip = []
    for _ in range(FRAMES):
        tabletop.advance(0.4)
        clip.append(tabletop.render(depth=False))
    for index, last in enumerate(remembered(clip)):
        history = [frame.objects[index] for frame in clip]
        assert last == replace(history[-1], earlier=last.earlier, earlier_motion=last.earlier_motion)
        assert last.earlier == pytest.approx([np.hypot.reduce(one.velocity) for one in history[:-1]])
        assert last.earlier_motion == next((one.motion for one in reversed(history[:-1]) if one.motion), None)


def test_motions_begin_at_times_of_their_own_and_not_again(tabletop: Tabletop) -> None:
    apart = 0
    for seed in range(8):
        tabletop.reset(seed, moving=True, spread=1.2)
        begun: dict[int, int] = {}
        for step in range(16):
            tabletop.advance(0.2)
            for one in tabletop.render(depth=False).objects:
                if one.motion:
                    begun.setdefault(one.instance_id, step)
        assert begun and max(begun.values()) <= 8  # of 0.2 s; what is hit starts late
        apart += len(set(begun.values())) > 1
        tabletop.advance(2.0)
        assert not any(one.motion for one in tabletop.render(depth=False).objects)
    assert apart >= 4


def test_simulated_scenes_with_events_have_each_of_them(tabletop: Tabletop) -> None:
    scenes = SceneSet(height=SIZE[1], width=SIZE[0], clip=FRAMES, moving_share=1.0, interval=(0.25, 0.4), events=True)
    seen: Counter[str] = Counter()
    for seed in range(60):
        scene = draw_scene(tabletop, scenes, seed)
        for phrase in said(scene.objects, seed, *SIZE):
            check(scene.objects, phrase)
            seen["fits" if phrase.target else "absent"] += 1
            for event in EVENTS:
                seen[event] += bool(phrase.target) and any(
                    part in phrase.text for part in [form.replace("{}", "").strip() for form in EVENTS[event]]
                )
    assert min(seen.values()) >= 3, seen
