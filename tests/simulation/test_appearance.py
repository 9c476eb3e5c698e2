"""Colours, finishes and surfaces: what is held out from training, and that colours stay what they are called."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from refseg_ros.simulation.appearance import (
    COLOURS,
    FINISHES,
    HELD_OUT_PAIRS,
    allowed_pairs,
    finish_texture,
    paint,
)
from refseg_ros.simulation.objects import CLASSES
from refseg_ros.simulation.surfaces import SURFACE_KINDS, surface_texture


def test_three_colours_are_held_out_of_each_class_and_evenly() -> None:
    assert Counter(name for _, name in HELD_OUT_PAIRS) == dict.fromkeys(CLASSES, 3)
    per_colour = Counter(colour for colour, _ in HELD_OUT_PAIRS)
    assert set(per_colour) == set(COLOURS) and set(per_colour.values()) <= {3, 4}


def test_the_splits_share_no_pair_and_miss_none() -> None:
    train, held_out = allowed_pairs("train"), allowed_pairs("held_out")
    assert not train & held_out
    assert train | held_out == {(colour, name) for colour in COLOURS for name in CLASSES}
    assert {colour for colour, _ in train} == set(COLOURS) and {name for _, name in train} == set(CLASSES)


def test_the_splits_share_no_kind_of_surface() -> None:
    assert not set(SURFACE_KINDS["train"]) & set(SURFACE_KINDS["held_out"])


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_surfaces_are_repeatable_and_varied(split: str) -> None:
    textures = [surface_texture(split, np.random.default_rng(seed)) for seed in range(20)]
    assert all(texture.shape == (256, 256, 3) and texture.dtype == np.uint8 for texture in textures)
    assert len({texture.tobytes() for texture in textures}) == 20
    assert np.array_equal(textures[7], surface_texture(split, np.random.default_rng(7)))
    assert surface_texture(split, np.random.default_rng(0), step=2).shape == (128, 128, 3)


@pytest.mark.parametrize("colour", COLOURS)
def test_most_of_a_finish_is_nearest_to_its_own_colour(colour: str) -> None:
    names = list(COLOURS)
    bases = np.array([COLOURS[name] for name in names], dtype=float)
    for seed, finish in enumerate(FINISHES * 4):
        rng = np.random.default_rng(seed)
        texture = finish_texture(finish, paint(colour, rng), rng).reshape(-1, 3).astype(float)
        nearest = np.linalg.norm(texture[:, None] - bases, axis=2).argmin(axis=1)
        assert np.mean(nearest == names.index(colour)) > 0.6
