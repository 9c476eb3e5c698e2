"""Expressions with exactly one referent, computed from a scene's truth, and expressions that fit nothing in it."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.random import Generator

from refseg_ros.simulation.absent_phrases import AbsentPhrases
from refseg_ros.simulation.arrangement import Arrangement
from refseg_ros.simulation.fitting_phrases import FittingPhrases
from refseg_ros.simulation.phrase import ALL_PAIRS, KINDS, Phrase
from refseg_ros.simulation.speaker import Speaker
from refseg_ros.simulation.tabletop import ObjectTruth

__all__ = ["ALL_PAIRS", "KINDS", "Phrase", "phrases"]


def phrases(
    objects: Sequence[ObjectTruth],
    width: int,
    height: int,
    rng: Generator,
    pairs: frozenset[tuple[str, str]] = ALL_PAIRS,
) -> list[Phrase]:
    """All expressions that fit a scene, each in one wording, with about as many absent ones as relations.

    Args:
        objects: the scene's truth at one frame.
        width, height: of the image, in pixels, in which the objects' pixels and boxes are counted.
        rng: draws wordings, and what absent expressions name.
        pairs: (colour, class) pairs that absent expressions may name.
    """
    scene = Arrangement(objects, width, height)
    speaker = Speaker(scene, rng, pairs)
    return [*FittingPhrases(scene, speaker).all(), *AbsentPhrases(scene, speaker).all()]
