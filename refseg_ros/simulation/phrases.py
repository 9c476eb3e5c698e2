"""Expressions from a scene's truth: those with exactly one referent, and those that nothing fits."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.random import Generator

from refseg_ros.simulation.absent_phrases import AbsentPhrases
from refseg_ros.simulation.arrangement import Arrangement
from refseg_ros.simulation.fitting_phrases import FittingPhrases
from refseg_ros.simulation.phrase import ALL_PAIRS, KINDS, Phrase
from refseg_ros.simulation.speaker import Speaker
from refseg_ros.simulation.tabletop import ObjectTruth

__all__ = ["ALL_PAIRS", "KINDS", "Phrase", "phrases", "phrases_of"]


def phrases(
    objects: Sequence[ObjectTruth],
    width: int,
    height: int,
    rng: Generator,
    pairs: frozenset[tuple[str, str]] = ALL_PAIRS,
    nouns: Sequence[str] = (),
    closed: bool = True,
) -> list[Phrase]:
    """All expressions that fit a scene, each in one wording, with about as many absent ones as relations.

    Args:
        objects: the scene's truth at one frame.
        width, height: of the image to which the objects' pixels and boxes refer, in pixels.
        rng: draws wordings and the contents of absent expressions.
        pairs: (colour, class) pairs that absent expressions may name.
        nouns: nouns that they may name instead, for scenes of scans.
        closed: whether `objects` holds every visible thing.
    """
    scene = Arrangement(objects, width, height, closed)
    return phrases_of(scene, Speaker(scene, rng, pairs, nouns))


def phrases_of(scene: Arrangement, speaker: Speaker) -> list[Phrase]:
    """All expressions about an arrangement, fitting and absent, in its speaker's words."""
    return [*FittingPhrases(scene, speaker).all(), *AbsentPhrases(scene, speaker).all()]
