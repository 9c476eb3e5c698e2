"""The words with which simulated scenes are described: synonyms, templates, requests."""

from __future__ import annotations

import re
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
"""Names of each class; a name that stands twice is drawn twice as often."""

COLOUR_WORDS: dict[str, tuple[str, ...]] = {"gray": ("gray", "grey"), "purple": ("purple", "violet")}
"""Colours with more than one name; every other colour has its own only."""

ANYTHING = ("object", "thing", "item", "one")
"""Nouns for an object of whatever class."""

PREFIXES = ("the ",) * 8 + (
    "", "a ", "find the ", "show me the ", "pick up the ", "grab the ", "where is the ", "look at the ", "give me the ",
    "please find the ", "go to the ", "point at the ",
)  # fmt: skip
"""What an expression may begin with."""

MAX_WORDS = 16
"""Words of the longest expression: one that would be longer gets "the" in place of what else it would begin with."""

SIDES: dict[str, tuple[str, ...]] = {
    "left": ("leftmost {}", "{} on the left", "left {}", "{} on the far left", "{} furthest to the left"),
    "right": ("rightmost {}", "{} on the right", "right {}", "{} on the far right", "{} furthest to the right"),
    "front": ("front {}", "nearest {}", "closest {}", "{} in front", "{} at the front", "{} closest to us"),
    "back": ("back {}", "farthest {}", "{} at the back", "{} in the back", "{} furthest away"),
    "middle": ("middle {}", "{} in the middle", "central {}", "{} in the center"),
}
"""Templates of an absolute place; {} is the noun phrase."""

ORDINALS = ("first", "second", "third", "fourth", "fifth")

RELATIONS: dict[str, tuple[str, ...]] = {
    "left": ("{} left of {}", "{} to the left of {}", "{} on the left side of {}", "{} on the left of {}"),
    "right": ("{} right of {}", "{} to the right of {}", "{} on the right side of {}", "{} on the right of {}"),
    "behind": ("{} behind {}", "{} at the back of {}", "{} that is behind {}"),
    "front": ("{} in front of {}", "{} before {}", "{} that is in front of {}"),
    "near": ("{} next to {}", "{} beside {}", "{} near {}", "{} closest to {}", "{} nearest to {}"),
}
"""Templates of a relation: the thing meant, then its anchor with its article."""

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
"""How the direction of a motion is said, behind its verb."""

VERBS: dict[str, tuple[str, ...]] = {
    "rolling": ("rolling", "moving", "that is rolling", "that is moving"),
    "sliding": ("sliding", "moving", "that is sliding", "that is moving"),
    "pushed": ("moving", "sliding", "being pushed", "that is moving", "that is being pushed"),
    "falling": ("falling", "dropping", "that is falling"),
}
"""How each kind of motion is said."""

AT_REST = ("{} at rest", "{} that is not moving", "still {}", "{} standing still", "{} that isn't moving")


@dataclass(frozen=True)
class Description:
    """A noun phrase as a condition on objects: a class, a colour, or both; None admits any."""

    class_name: str | None = None
    colour: str | None = None

    def matches(self, thing: ObjectTruth) -> bool:
        """Whether the noun phrase fits an object."""
        return self.class_name in (None, thing.class_name) and self.colour in (None, thing.colour)

    def words(self, rng: np.random.Generator) -> str:
        """The noun phrase without article, in one of its wordings."""
        names = ANYTHING if self.class_name is None else CLASS_WORDS[self.class_name]
        noun = pick(rng, names)
        if noun == "one" and self.colour is None:
            noun = "object"
        return noun if self.colour is None else f"{pick(rng, COLOUR_WORDS.get(self.colour, (self.colour,)))} {noun}"


def pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    """One of some wordings."""
    return options[int(rng.integers(len(options)))]


def all_texts() -> list[str]:
    """Texts in which every word that a phrase can contain occurs: what a vocabulary is made of."""
    templates = [SMALL, LARGE, NOT_COLOUR, NOT_SIDE, BETWEEN, AT_REST, PREFIXES, ANYTHING, ORDINALS]
    tables = [CLASS_WORDS, COLOUR_WORDS, SIDES, RELATIONS, DIRECTIONS, VERBS]
    grouped = [*templates, tuple(COLOURS), *(words for table in tables for words in table.values())]
    texts = [text for group in grouped for text in group] + ["from the left", "from the right", "right and left"]
    return [re.sub(r"\{\d?\}", " ", text) for text in texts]
