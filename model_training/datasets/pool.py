"""Scenes of one sort to learn or to score, and expressions about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from model_training.datasets.photo_arrangement import PhotoArrangement
from model_training.datasets.rendering import RenderedScene
from refseg_ros.simulation.appearance import HELD_OUT_PAIRS
from refseg_ros.simulation.phrases import ALL_PAIRS, Phrase, phrases, phrases_of
from refseg_ros.simulation.speaker import Speaker

TRAIN_PAIRS = ALL_PAIRS - HELD_OUT_PAIRS
"""(colour, class) pairs that training texts may name. Naming the others as absent would teach that they never exist."""


@dataclass(frozen=True)
class Pool:
    """Scenes of one sort, and expressions about them."""

    scenes: Sequence[RenderedScene]
    weight: float = 1.0
    """How often a frame is drawn from this pool, relative to the others."""
    pairs: frozenset[tuple[str, str]] = TRAIN_PAIRS
    """Of the simulator's own things: (colour, class) pairs that absent expressions may name."""
    nouns: tuple[str, ...] = ()
    """For scans and photos: nouns that absent expressions may name instead."""
    cut: Callable[[RenderedScene, np.random.Generator], RenderedScene] | None = None
    """For photos: makes one of the input's size."""

    def said(self, scene: RenderedScene, rng: np.random.Generator) -> list[Phrase]:
        """All expressions about a scene."""
        height, width = scene.labels.shape
        if self.cut:
            seen = PhotoArrangement(scene.objects, width, height, closed=False, vague=scene.vague)
            return phrases_of(seen, Speaker(seen, rng, ALL_PAIRS, self.nouns))
        if self.nouns:
            return phrases(scene.objects, width, height, rng, nouns=self.nouns, closed=False)
        return phrases(scene.objects, width, height, rng, self.pairs)

    def resting(self) -> Pool:
        """Only its scenes at rest."""
        return replace(self, scenes=[scene for scene in self.scenes if len(scene.frames) == 1])

    def moving(self) -> Pool:
        """Only its clips."""
        return replace(self, scenes=[scene for scene in self.scenes if len(scene.frames) > 1])

    def of_last_frames(self) -> Pool:
        """Only the last frame of each clip, as if it were a still image; the expressions stay."""
        return replace(self, scenes=[replace(scene, frames=scene.frames[-1:]) for scene in self.scenes])
