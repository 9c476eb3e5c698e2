"""Scenes that leave nothing to say, such as a piece of a photo that shows a corner of the only sort of thing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model_training.datasets.batch import Batch
from model_training.datasets.photo_scenes import photo_scenes, piece
from model_training.datasets.photos import Photos
from model_training.datasets.pool import Pool
from model_training.datasets.rendering import RenderedScene
from model_training.datasets.scene_batches import SceneBatches
from model_training.learning.validation import score
from refseg_ros.expression import Vocabulary
from tests.model_training import tiny
from tests.model_training.datasets.test_photos import write

HEIGHT, WIDTH = tiny.NETWORK.height, tiny.NETWORK.width
STEPS = 30


def cut(scene: RenderedScene, rng: np.random.Generator) -> RenderedScene:
    return piece(scene, HEIGHT, WIDTH, 128, rng)


@pytest.fixture
def persons(tmp_path: Path) -> Pool:
    """A photo with no other category than a person, who fills it."""
    write(tmp_path, [(3, (0, 0, 160, 120), "red", False)])
    listed = json.loads((tmp_path / "instances.json").read_text())
    listed["categories"] = [kind for kind in listed["categories"] if kind["name"] == "person"]
    (tmp_path / "instances.json").write_text(json.dumps(listed))
    reader = Photos(tmp_path)
    return Pool(photo_scenes(reader, "train"), nouns=reader.nouns, cut=cut)


def batches(pools: Sequence[Pool], expressions: int = 2, **more: int) -> SceneBatches:
    words = Vocabulary.of_texts(["where is the person"])
    return SceneBatches(pools, words, 8, 4, expressions, 0.0, 0, nouns=("person",), **more)


def check_same(ours: Batch, theirs: Batch) -> None:
    for one, other in zip(ours[:4], theirs[:4], strict=True):
        assert np.array_equal(one, other)


def test_another_piece_is_drawn(persons: Pool) -> None:
    seeds = map(np.random.default_rng, range(STEPS))
    assert not all(persons.said(cut(persons.scenes[0], rng), rng) for rng in seeds), "there is nothing to test"
    drawn, again = batches([persons]), batches([persons])
    forwards = [drawn[step] for step in range(STEPS)]
    halves = [batches([persons], rank=rank, ranks=2) for rank in range(2)]
    for step in reversed(range(STEPS)):
        assert (forwards[step].words[..., 0] > 0).all()
        check_same(again[step], forwards[step])
        parts = [half[step] for half in halves]
        for name in ("clips", "words", "masks", "present"):
            shares = np.stack([getattr(part, name) for part in parts], 1)
            assert np.array_equal(shares.reshape(getattr(forwards[step], name).shape), getattr(forwards[step], name))


def test_where_there_is_never_anything_to_say_it_is_one_line(persons: Pool) -> None:
    dumb = replace(persons, scenes=[replace(scene, vague=frozenset(persons.nouns)) for scene in persons.scenes])
    with pytest.raises(ValueError, match="nothing can be said of 100 scenes or photos in a row; give some whose"):
        batches([dumb])[0]
    assert batches([dumb], expressions=0)[0].clips.shape == (4, 1, HEIGHT, WIDTH, 3), "an encoder needs no expressions"


def test_validation_leaves_such_scenes_out(persons: Pool) -> None:
    words, rng = Vocabulary.of_texts(["where is the person"]), np.random.default_rng(0)
    seen = [cut(persons.scenes[0], rng) for _ in range(STEPS)]
    unseen = Pool(seen, nouns=persons.nouns, cut=lambda scene, rng: scene)
    said = score(tiny.network(), unseen, words)
    asked = len(said.whole) + said.denied.total
    assert 0 < asked < 8 * STEPS and asked % 8 == 0
