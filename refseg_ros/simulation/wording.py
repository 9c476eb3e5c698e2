"""The words that describe scenes: synonyms, templates, requests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refseg_ros.simulation.tabletop import COLOURS, ObjectTruth

CLASS_WORDS: dict[str, tuple[str, ...]] = {
    "mug": ("mug", "mug", "cup", "coffee mug"),
    "bowl": ("bowl", "bowl", "basin"),
    "bottle": ("bottle", "bottle", "flask"),
    "plate": ("plate", "plate", "dish", "saucer"),
    "book": ("book", "book", "notebook"),
    "can": ("can", "can", "tin", "soda can"),
    "banana": ("banana",),
    "ball": ("ball", "ball", "sphere"),
    "block": ("block", "block", "cube"),
    "hammer": ("hammer", "hammer", "mallet"),
    "donut": ("donut", "donut", "doughnut", "ring"),
    "goblet": ("goblet", "goblet", "wine glass", "chalice"),
}
"""Names of each class; a name listed twice is drawn twice as often."""

COLOUR_WORDS: dict[str, tuple[str, ...]] = {"gray": ("gray", "grey"), "purple": ("purple", "violet")}
"""Colours with more than one name; every other colour has one."""

ANYTHING = ("object", "thing", "item", "one")
"""Nouns for an object of any class."""

PREFIXES = ("the ",) * 8 + (
    "", "a ", "find the ", "show me the ", "pick up the ", "grab the ", "where is the ", "look at the ", "give me the ",
    "please find the ", "go to the ", "point at the ",
)  # fmt: skip
"""Openings of an expression."""

MAX_WORDS = 16
"""Most words of an expression; a longer one begins with "the" instead of a longer opening."""

SIDES: dict[str, tuple[str, ...]] = {
    "left": ("leftmost {}", "{} on the left", "left {}", "{} on the far left", "{} furthest to the left"),
    "right": ("rightmost {}", "{} on the right", "right {}", "{} on the far right", "{} furthest to the right"),
    "front": ("front {}", "nearest {}", "closest {}", "{} in front", "{} at the front", "{} closest to us"),
    "back": ("back {}", "farthest {}", "{} at the back", "{} in the back", "{} furthest away"),
    "middle": ("middle {}", "{} in the middle", "central {}", "{} in the center"),
}
"""Templates for an absolute place; {} is the noun phrase."""

IMAGE_SIDES: dict[str, tuple[str, ...]] = {
    "top": ("top {}", "{} at the top", "upper {}", "highest {}"),
    "bottom": ("bottom {}", "{} at the bottom", "lower {}", "lowest {}"),
}
"""More templates for a place in a photo, which has no depth."""

ORDINALS = ("first", "second", "third", "fourth", "fifth")

RELATIONS: dict[str, tuple[str, ...]] = {
    "left": ("{} left of {}", "{} to the left of {}", "{} on the left side of {}", "{} on the left of {}"),
    "right": ("{} right of {}", "{} to the right of {}", "{} on the right side of {}", "{} on the right of {}"),
    "behind": ("{} behind {}", "{} at the back of {}", "{} that is behind {}"),
    "front": ("{} in front of {}", "{} before {}", "{} that is in front of {}"),
    "near": ("{} next to {}", "{} beside {}", "{} near {}", "{} closest to {}", "{} nearest to {}"),
}
"""Templates for a relation: the thing that is meant, then its anchor with its article."""

BETWEEN = ("{} between {} and {}", "{} in between {} and {}", "{} that is between {} and {}")

SMALL = ("small {}", "smaller {}", "little {}", "smallest {}", "{} that is smaller")
LARGE = ("large {}", "larger {}", "big {}", "bigger {}", "largest {}", "biggest {}", "{} that is bigger")

NOT_COLOUR = ("{} that is not {}", "{} which is not {}", "{} that isn't {}", "{} not {}", "non {1} {0}")
NOT_SIDE = ("{} that is not on the {}", "{} not on the {}", "{} that isn't on the {}")

DIRECTIONS: dict[str, tuple[str, ...]] = {
    "left": (" to the left", " left", " towards the left", " leftwards"),
    "right": (" to the right", " right", " towards the right", " rightwards"),
    "away": (" away", " backwards", " away from us"),
    "towards": (" towards us", " towards the camera", " forwards", " closer"),
}
"""Wordings of the direction of a motion, after its verb."""

VERBS: dict[str, tuple[str, ...]] = {
    "rolling": ("rolling", "moving", "that is rolling", "that is moving"),
    "sliding": ("sliding", "moving", "that is sliding", "that is moving"),
    "pushed": ("moving", "sliding", "being pushed", "that is moving", "that is being pushed"),
    "falling": ("falling", "dropping", "that is falling"),
}
"""Wordings of each kind of motion."""

AT_REST = ("{} at rest", "{} that is not moving", "still {}", "{} standing still", "{} that isn't moving")


EVENTS: dict[str, tuple[str, ...]] = {
    "stopped": ("{} that stopped", "{} that has stopped", "{} that stopped moving", "{} that came to rest"),
    "started": ("{} that started moving", "{} that just started", "{} that began to move", "{} that has begun to move"),
    "first": ("{} that moved first", "{} that started first", "{} that was the first to move", "first {} to move"),
    "last": ("{} that moved last", "{} that started last", "{} that was the last to move", "last {} to move"),
}
"""Templates for what happened in a clip, which its last frame alone does not show."""

PUSHES: dict[str, tuple[str, ...]] = {
    "first": ("{} that was pushed first", "{} pushed first"),
    "last": ("{} that was pushed last", "{} pushed last"),
}
"""More templates, where all that moved was pushed."""


@dataclass(frozen=True)
class Description:
    """A noun phrase as a condition on objects: a class or a noun, a colour, or both; None matches anything."""

    class_name: str | None = None
    """A class of the simulator, worded as one of its CLASS_WORDS."""
    colour: str | None = None
    noun: str | None = None
    """One of the names of a thing, used unchanged."""

    @property
    def of_a_kind(self) -> bool:
        """Whether it names a class or a noun."""
        return self.class_name is not None or self.noun is not None

    def matches(self, thing: ObjectTruth) -> bool:
        """Whether the noun phrase fits an object."""
        return self._names(thing) and self.colour in (None, thing.colour)

    def may_match(self, thing: ObjectTruth) -> bool:
        """Whether somebody might use the noun phrase for an object with several colours, or with no clear colour."""
        return self._names(thing) and (not thing.colour or self.colour in (None, thing.colour, *thing.other_colours))

    def _names(self, thing: ObjectTruth) -> bool:
        return self.class_name in (None, thing.class_name) and (self.noun is None or self.noun in thing.names)

    def words(self, rng: np.random.Generator) -> str:
        """The noun phrase without an article, in one of its wordings."""
        if self.noun is None:
            noun = pick(rng, ANYTHING if self.class_name is None else CLASS_WORDS[self.class_name])
        else:
            noun = self.noun
        if noun == "one" and self.colour is None:
            noun = "object"
        return noun if self.colour is None else f"{pick(rng, COLOUR_WORDS.get(self.colour, (self.colour,)))} {noun}"


def pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    """Draw one of some wordings."""
    return options[int(rng.integers(len(options)))]


def all_texts(events: bool = False) -> list[str]:
    """Texts that together contain every word of any phrase, with or without events; they make the vocabulary."""
    templates = [SMALL, LARGE, NOT_COLOUR, NOT_SIDE, BETWEEN, AT_REST, PREFIXES, ANYTHING, ORDINALS]
    tables = [CLASS_WORDS, COLOUR_WORDS, SIDES, RELATIONS, DIRECTIONS, VERBS, *([EVENTS, PUSHES] if events else [])]
    grouped = [*templates, tuple(COLOURS), *(words for table in tables for words in table.values())]
    texts = [text for group in grouped for text in group] + ["from the left", "from the right", "right and left"]
    return [re.sub(r"\{\d?\}", " ", text) for text in texts]
