"""An expression about a scene together with its meaning there."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from refseg_ros.simulation.tabletop import CLASSES, COLOURS, ObjectTruth

KINDS = ("class", "colour", "size", "place", "order", "relation", "negation", "motion", "event", "absent")

ALL_PAIRS: frozenset[tuple[str, str]] = frozenset(itertools.product(COLOURS, CLASSES))
"""Every (colour, class)."""


@dataclass(frozen=True)
class Phrase:
    """An expression and what it means in one scene."""

    text: str
    kind: str
    """One of KINDS."""
    target: int | None
    """Instance id of the thing that is meant; None if nothing fits."""
    candidates: tuple[int, ...] = ()
    """Instance ids of all things that fit the head noun phrase alone ("mug" of "the mug left of the bowl")."""
    anchors: tuple[int, ...] = ()
    """Instance ids of the things that the target is related to ("the bowl")."""
    swapped: str = ""
    """A relation's text with an absent anchor instead; nothing fits it."""
    untrue: tuple[str, ...] = ()
    """A relation's text with other relations to the same anchor that hold for no candidate."""
    reason: str = ""
    """Why nothing fits: "thing" or "anchor" is absent, or "relation", "motion", "event", "order", "negation" false."""


def ids_of(things: Iterable[ObjectTruth]) -> tuple[int, ...]:
    """Instance ids of some things."""
    return tuple(thing.instance_id for thing in things)
