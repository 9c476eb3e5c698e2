"""Training batches: what depends on what, and targets that agree with the pictures and with what is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from model_training.datasets import scene_batches
from model_training.datasets.batch import STRIDES, Batch
from model_training.datasets.phrase_choice import THING_SHARE, choose, contrasted
from model_training.datasets.pool import TRAIN_PAIRS, Pool
from model_training.datasets.rendering import RenderedScene
from model_training.datasets.scene_batches import (
    CLASS_OF_WORD,
    COLOUR_OF_WORD,
    SceneBatches,
    area_shares,
    flipped,
    motions_of,
    tabletop_vocabulary,
    unseen_pairs,
)
from model_training.pictures.light import TINTS, tinted
from refseg_ros.simulation.appearance import HELD_OUT_PAIRS
from refseg_ros.simulation.arrangement import MOVING, Arrangement, speed
from refseg_ros.simulation.phrases import Phrase, phrases
from refseg_ros.simulation.tabletop import CLASSES, COLOURS, ObjectTruth
from refseg_ros.simulation.wording import CLASS_WORDS, COLOUR_WORDS, RELATIONS
from tests.model_training import tiny
from tests.simulation.listener import Listener
from tests.simulation.scenes_by_hand import thing

VOCABULARY = tabletop_vocabulary()


def batches(
    scenes: list[RenderedScene], expressions: int = 3, moving_share: float = 0.0, seed: int = 0, **more: int
) -> SceneBatches:
    return SceneBatches([Pool(scenes)], VOCABULARY, tiny.NETWORK.max_words, 2, expressions, moving_share, seed, **more)


def arrays(batch: Batch) -> dict[str, np.ndarray]:
    """Every array of a batch by its name."""
    found: dict[str, np.ndarray] = {name: getattr(batch, name) for name in Batch._fields[:4]}
    for name, strides in batch.labels._asdict().items():
        found |= {f"{name}{stride}": part for stride, part in strides.items()}
    return found


def same(ours: Batch, theirs: Batch) -> bool:
    a, b = arrays(ours), arrays(theirs)
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def texts(batch: Batch, frame: int) -> list[str]:
    """What is said of a frame."""
    return [" ".join(VOCABULARY.words[i] for i in row if i) for row in batch.words[frame]]


def test_a_batch_is_a_function_of_seed_and_step(scenes: list[RenderedScene]) -> None:
    drawn = batches(scenes, moving_share=0.5)
    forwards = [drawn[step] for step in range(4)]
    again = batches(scenes, moving_share=0.5)
    assert all(same(again[step], forwards[step]) for step in (3, 0, 2, 1))
    assert not same(forwards[0], forwards[1])
    assert not same(batches(scenes, moving_share=0.5, seed=1)[0], forwards[0])


def test_processes_share_a_batch(scenes: list[RenderedScene]) -> None:
    whole = batches(scenes, moving_share=0.5)
    shares = [batches(scenes, moving_share=0.5, rank=rank, ranks=2) for rank in range(2)]
    for step in range(6):
        halves = [arrays(share[step]) for share in shares]
        for name, array in arrays(whole[step]).items():
            assert np.array_equal(np.concatenate([half[name] for half in halves]), array), name
        assert all(same(ours, theirs[step]) for ours, theirs in zip(whole[step].parts(2), shares, strict=True))


def test_the_shapes_are_those_of_the_docstrings(scenes: list[RenderedScene]) -> None:
    height, width = tiny.NETWORK.height, tiny.NETWORK.width
    for moving_share, frames in ((0.0, 1), (1.0, tiny.NETWORK.clip)):
        shapes = {name: (part.shape, part.dtype) for name, part in arrays(batches(scenes, 3, moving_share)[0]).items()}
        labels = 1 + len(CLASSES) + len(COLOURS)
        expected: dict[str, tuple[tuple[int, ...], type]] = {
            "clips": ((2, frames, height, width, 3), np.uint8),
            "words": ((2, 3, tiny.NETWORK.max_words), np.int64),
            "masks": ((2, 3, height // 2, width // 2), np.float32),
            "present": ((2, 3), np.float32),
        }
        for stride in STRIDES:
            cells = (height // stride, width // stride)
            expected[f"unjudged{stride}"] = ((2, 3, *cells), np.float32)
            if stride != STRIDES[0]:
                expected[f"references{stride}"] = ((2, 3, 3, *cells), np.float32)
                expected[f"motions{stride}"] = ((2, 2, 5, *cells), np.float32)
                expected[f"dense{stride}"] = ((2, labels, *cells), np.float32)
        assert shapes == expected
    alone = batches(scenes, expressions=0)[0]
    assert alone.words.shape == (2, 0) and alone.labels.dense[8].shape == (2, labels, height // 8, width // 8)


def samples(
    scenes: list[RenderedScene], steps: int
) -> Iterator[tuple[Batch, int, np.ndarray, tuple[ObjectTruth, ...]]]:
    """Frames of batches of one scene each, with that scene's labels and truth, mirrored where the frame is."""
    for scene in scenes:
        width = scene.labels.shape[1]
        if len(scene.frames) > 1:
            continue
        for step in range(steps):
            batch = batches([scene], expressions=6)[step]
            for frame in range(len(batch.clips)):
                background = batch.labels.dense[8][frame, 0]
                mirrored = not np.allclose(background, area_shares(scene.labels, [0])[8][0])
                labels = scene.labels[:, ::-1] if mirrored else scene.labels
                assert np.allclose(background, area_shares(labels, [0])[8][0])
                objects = tuple(flipped(item, width) for item in scene.objects) if mirrored else scene.objects
                yield batch, frame, labels, objects


def test_targets_agree_with_the_labels_and_with_what_is_said(scenes: list[RenderedScene]) -> None:
    said = absent = 0
    for batch, frame, labels, objects in samples(scenes, steps=2):
        for number, text in enumerate(texts(batch, frame)):
            meant = [item.instance_id for item in Listener(objects).meant(text)]
            assert len(meant) == batch.present[frame, number], text
            mask = area_shares(labels, meant)[2][0] if meant else np.zeros_like(batch.masks[frame, number])
            assert np.allclose(batch.masks[frame, number], mask), text
            for stride in STRIDES[1:]:
                candidates, _, target = batch.labels.references[stride][frame, number]
                assert not meant or (candidates >= area_shares(labels, meant)[stride][0] - 1e-6).all(), text
                assert np.allclose(target, area_shares(labels, meant)[stride][0] if meant else 0), text
            assert (batch.labels.unjudged[2][frame, number] + mask <= 1 + 1e-6).all(), text
            said, absent = said + 1, absent + (not meant)
    assert said > 100 and 10 < absent < 0.6 * said


def test_dense_labels_are_shares_of_what_is_there(scenes: list[RenderedScene]) -> None:
    for batch, frame, labels, objects in samples(scenes, steps=1):
        for stride in STRIDES[1:]:
            dense = batch.labels.dense[stride][frame]
            background, classes, colours = np.split(dense, [1, 1 + len(CLASSES)])
            assert np.allclose(background[0] + classes.sum(0), 1, atol=1e-6)
            for index, name in enumerate(CLASSES):
                things = [item.instance_id for item in objects if item.class_name == name]
                assert np.isclose(classes[index].mean(), np.isin(labels, things).mean(), atol=1e-6)
            assert np.allclose(colours.sum(0), classes.sum(0), atol=1e-6) or not colours.any()


def test_area_shares_sum_to_one_and_are_means_of_cells() -> None:
    labels = np.random.default_rng(0).integers(0, 4, (32, 48)).astype(np.uint8)
    for stride, shares in area_shares(labels, [0, 1, 2, 3]).items():
        assert shares.shape == (4, 32 // stride, 48 // stride) and shares.dtype == np.float32
        assert np.allclose(shares.sum(0), 1, atol=1e-6)
        for y, x in ((0, 0), (1, 2), (32 // stride - 1, 48 // stride - 1)):
            cell = labels[y * stride : (y + 1) * stride, x * stride : (x + 1) * stride]
            assert np.allclose(shares[:, y, x], [(cell == i).mean() for i in range(4)], atol=1e-6)


def test_flipping_mirrors_the_truth(scenes: list[RenderedScene]) -> None:
    for scene in scenes:
        width = scene.labels.shape[1]
        for item in scene.objects:
            mirrored = flipped(item, width)
            visible = np.ascontiguousarray(scene.labels[:, ::-1] == item.instance_id).view(np.uint8)
            assert flipped(mirrored, width) == item
            if item.pixels:
                assert mirrored.box == cv2.boundingRect(visible)
            x, y, z = item.position
            assert mirrored.position == (-x, y, z) and mirrored.ground == (-item.ground[0], item.ground[1])
            assert mirrored.velocity == (-item.velocity[0], *item.velocity[1:]) and mirrored.motion == item.motion


def test_what_only_a_held_out_pair_would_tell_apart_is_not_judged() -> None:
    colour, name = sorted(HELD_OUT_PAIRS)[0]
    other_class = next(k for k in CLASSES if (colour, k) not in HELD_OUT_PAIRS)
    other_colour = next(c for c in COLOURS if not {(c, name), (c, other_class)} & HELD_OUT_PAIRS)
    noun = next(word for word, kind in CLASS_OF_WORD.items() if kind == name)
    meant, like_it = thing(1, name, other_colour), thing(2, other_class, colour)
    unlike = thing(3, other_class, other_colour)
    things = (meant, like_it, unlike)
    assert unseen_pairs(Phrase(f"the {noun}", "class", 1, (1,)), things) == [2]
    assert unseen_pairs(Phrase(f"the {noun}", "class", 1, (1, 2)), things) == []
    assert unseen_pairs(Phrase(f"the {noun} left of it", "relation", 1, (1,), (2,)), things) == []
    assert unseen_pairs(Phrase("the object on the left", "place", 1, (1, 2, 3)), things) == []
    assert unseen_pairs(Phrase(f"the {noun}", "absent", None), (like_it, unlike)) == [2]
    said = next(word for word, named in COLOUR_OF_WORD.items() if named == colour)
    assert unseen_pairs(Phrase(f"the {said} thing", "colour", 2, (2,)), things) == [1]


@pytest.mark.parametrize("seed", range(6))
def test_a_tinted_clip_has_one_hue(scenes: list[RenderedScene], seed: int) -> None:
    clip = next(scene.frames for scene in scenes if len(scene.frames) > 1)
    shown = tinted(clip, np.zeros(clip.shape[1:3], np.uint8), np.random.default_rng(seed))
    assert shown.shape == clip.shape and shown.dtype == np.uint8
    high, low = shown.max(-1).astype(float), shown.min(-1).astype(float)
    hsv = cv2.cvtColor((shown.reshape(1, -1, 3) / np.float32(255)).astype(np.float32), cv2.COLOR_RGB2HSV)[0]
    hue = hsv[(high > 120).ravel(), 0]
    assert len(hue) > 100 and hue.max() - hue.min() < 6
    assert any(start - 3 <= hue.mean() <= end + 3 for start, end in TINTS)
    assert (high - low)[high > 60].min() > 15
    grey = clip @ np.array([0.299, 0.587, 0.114])
    assert np.corrcoef(grey.ravel(), high.ravel())[0, 1] > 0.999


def test_tinted_clips_come_with_expressions_and_labels_without_colours(
    scenes: list[RenderedScene], monkeypatch: pytest.MonkeyPatch
) -> None:
    named = {True: 0, False: 0}
    for always in (False, True):
        monkeypatch.setattr(scene_batches, "MONOCHROME_SHARE", float(always))
        for step in range(6):
            batch = batches(scenes, moving_share=0.5)[step]
            said = [set(text.split()) for frame in range(2) for text in texts(batch, frame)]
            named[always] += sum(bool(words & COLOUR_OF_WORD.keys()) for words in said)
            assert batch.labels.dense[8][:, 1 + len(CLASSES) :].any() != always
            assert not (always and batch.labels.unjudged[2].any())
    assert named[True] == 0 and named[False] > 5


def test_no_training_text_names_a_held_out_pair(scenes: list[RenderedScene]) -> None:
    def names(pairs: frozenset[tuple[str, str]]) -> list[str]:
        return [
            f" {said} {noun} "
            for colour, kind in pairs
            for said in COLOUR_WORDS.get(colour, (colour,))
            for noun in set(CLASS_WORDS[kind])
        ]

    forbidden, allowed, checked = names(HELD_OUT_PAIRS), names(TRAIN_PAIRS), 0
    for step in range(40):
        batch = batches(scenes, expressions=8, moving_share=0.3)[step]
        for text in (f" {text} " for frame in range(2) for text in texts(batch, frame)):
            assert not [name for name in forbidden if name in text], text
            checked += any(name in text for name in allowed)
    assert checked > 50


def test_motions_are_told_of_clips_alone_and_as_they_are(scenes: list[RenderedScene]) -> None:
    told = 0
    for scene in scenes:
        batch = batches([scene], moving_share=float(len(scene.frames) > 1))[0]
        so, not_so = np.moveaxis(batch.labels.motions[8], 1, 0)
        if len(scene.frames) == 1:
            assert not so.any() and not not_so.any()
            continue
        things = 1 - batch.labels.dense[8][:, 0]
        assert (so[:, 0] + not_so[:, 0] <= things + 1e-6).all()
        assert (so[:, 1:].max(1) <= so[:, 0] + 1e-6).all()  # what goes somewhere moves
        moving = [item.instance_id for item in scene.objects if speed(item) >= MOVING]
        assert np.allclose(so[:, 0].mean((1, 2)), np.isin(scene.labels, moving).mean(), atol=1e-6)
        told += bool(moving)
    assert told > 0


@pytest.mark.parametrize(
    ("velocity", "expected"),
    [
        ((0.3, 0.0, 0.0), [True, False, True, False, False]),
        ((-0.3, 0.0, 0.0), [True, True, False, False, False]),
        ((0.0, 0.0, 0.2), [True, False, False, True, False]),
        ((0.01, 0.0, 0.0), [False] * 5),
        ((0.05, 0.0, 0.0), [None] * 5),
        ((0.2, 0.0, 0.2), [True, False, None, None, False]),
    ],
)
def test_where_to_a_thing_goes(velocity: tuple[float, float, float], expected: list[bool | None]) -> None:
    assert motions_of(replace(thing(1, "ball", "red"), velocity=velocity, motion="sliding")) == expected


def test_most_relations_are_followed_by_their_like_that_fits_nothing() -> None:
    relation = Phrase(
        "the mug left of the can",
        "relation",
        1,
        (1, 2),
        (3,),
        swapped="the mug left of the bowl",
        untrue=("the mug behind the can",),
    )
    other = Phrase("the can", "class", 3, (3,))
    rng, drawn = np.random.default_rng(0), {"anchor": 0, "relation": 0, "": 0}
    for _ in range(300):
        first, second, third = contrasted([relation, other, other], rng)
        assert (first, third) == (relation, other)
        drawn[second.reason] += 1
        if second != other:
            assert second.target is None and second.candidates == (1, 2)
            text, anchors = {"anchor": (relation.swapped, ()), "relation": (relation.untrue[0], (3,))}[second.reason]
            assert (second.text, second.anchors) == (text, anchors)
    assert drawn["anchor"] > 80 and drawn["relation"] > 80 and drawn[""] > 30
    assert contrasted([relation], rng) == [relation]


def test_a_like_stands_behind_its_own_and_none_is_alone() -> None:
    relations = [
        Phrase(f"relation {number}", "relation", 1, (1, 2), (3,), swapped=f"swap {number}") for number in range(6)
    ]
    lengths = set()
    for seed in range(50):
        texts = [phrase.text for phrase in contrasted(list(relations), np.random.default_rng(seed))]
        swaps = [index for index, text in enumerate(texts) if text.startswith("swap")]
        assert all(texts[index - 1] == texts[index].replace("swap", "relation") for index in swaps), texts
        lengths.add(len(swaps))
    assert lengths == {0, 1, 2, 3}


def test_half_of_what_fits_nothing_in_training_is_of_things_that_are_not_there() -> None:
    reasons = ("thing", "anchor", "relation", "motion", "order")
    offered = [Phrase(f"the {reason}", "absent", None, reason=reason) for reason in reasons]
    drawn = Counter(phrase.reason for phrase in choose(offered, 1000, np.random.default_rng(0), THING_SHARE))
    assert 560 < drawn.pop("thing") < 640  # a fifth of the other half, too
    assert all(60 < count < 140 for count in drawn.values())


def test_a_relation_that_does_not_hold_is_told_of_things_of_which_none_stands_so(scenes: list[RenderedScene]) -> None:
    told = 0
    for scene in scenes:
        height, width = scene.labels.shape
        seen = Arrangement(scene.objects, width, height)
        things = {item.instance_id: item for item in scene.objects}
        for phrase in phrases(scene.objects, width, height, np.random.default_rng(1)):
            for text in phrase.untrue:
                relation = next(name for name, said in RELATIONS.items() if said[0].format("", "").strip() in text)
                anchor = things[phrase.anchors[0]]
                assert all(seen.holds(relation, things[i], anchor) is False for i in phrase.candidates), text
                told += 1
    assert told > 20


def test_in_a_tinted_still_each_thing_has_a_brightness_of_its_own() -> None:
    frames = np.full((1, 12, 24, 3), 90, np.uint8)
    labels = np.repeat(np.array([0, 1, 2], np.uint8), 8)[None].repeat(12, 0)
    shown = tinted(frames, labels, np.random.default_rng(0)).max(-1)[0]
    table, one, two = (shown[:, start : start + 4] for start in (2, 10, 18))
    assert (table == shown[0, 3]).all() and len({int(part[0, 0]) for part in (table, one, two)}) == 3
    moving = tinted(frames.repeat(2, 0), labels, np.random.default_rng(0))
    assert (moving.max(-1) == moving.max()).all()
