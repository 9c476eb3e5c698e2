"""A listener of its own making: reads an expression's words and says which things of a scene fit it.

It shares nothing with the generator but the table of nouns, and works the other way round: from text to things.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from refseg_ros.simulation.appearance import COLOURS
from refseg_ros.simulation.tabletop import ObjectTruth
from refseg_ros.simulation.wording import ANYTHING, CLASS_WORDS

Things = list[ObjectTruth]

COLOUR_NAMES = {name: name for name in COLOURS} | {"grey": "gray", "violet": "purple"}
NOUNS = {noun: name for name, nouns in CLASS_WORDS.items() for noun in nouns} | {noun: "" for noun in ANYTHING}
NOUN = "|".join(sorted(NOUNS, key=len, reverse=True))
COLOUR = "|".join(COLOUR_NAMES)
REQUEST = re.compile(
    r"^(?:please )?(?:find|show me|pick up|grab|where is|look at|give me|go to|point at)? ?(?:the |a )?"
)
RELATION = re.compile(
    r"^(.*?) (?:that is )?(left of|to the left of|on the left side of|on the left of|right of|to the right of|"
    r"on the right side of|on the right of|behind|at the back of|in front of|before|next to|beside|near|closest to|"
    r"nearest to) (?:the|a) (.*)$"
)
BETWEEN = re.compile(r"^(.*?) (?:that is )?(?:in )?between the (.*) and the (.*)$")
ORDINALS = ("first", "second", "third", "fourth", "fifth")
SMALL, LARGE = "small|smaller|little|smallest", "large|larger|big|bigger|largest|biggest"
SIDES = {
    "left": r"leftmost {}|{} (?:on|furthest to) the (?:far )?left|left {}",
    "right": r"rightmost {}|{} (?:on|furthest to) the (?:far )?right|right {}",
    "front": r"front {}|nearest {}|closest {}|{} in front|{} at the front|{} closest to us",
    "back": r"back {}|farthest {}|{} (?:at|in) the back|{} furthest away",
    "middle": r"middle {}|central {}|{} in the (?:middle|center)",
}


class Listener:
    """Understands what is said about one scene."""

    def __init__(self, things: Sequence[ObjectTruth]) -> None:
        self.things = [thing for thing in things if thing.pixels]

    def meant(self, text: str) -> Things:
        """All things that an expression fits."""
        text = REQUEST.sub("", text)
        readers: tuple[Callable[[str], Things | None], ...] = (
            self.noun, self.between, self.order, self.place, self.negation, self.event, self.motion, self.size,
            self.relation,
        )  # fmt: skip
        for read in readers:
            found = read(text)
            if found is not None:
                return found
        raise AssertionError(f"not understood: {text!r}")

    def noun(self, text: str) -> Things | None:
        """ "mug", "red mug", "mug that is red"."""
        match = re.fullmatch(rf"(?:({COLOUR}) )?({NOUN})(?: that is ({COLOUR}))?", text)
        if match is None:
            return None
        colour, name = COLOUR_NAMES.get(match[1] or match[3]), NOUNS[match[2]]
        return [t for t in self.things if colour in (None, t.colour) and name in ("", t.class_name)]

    def place(self, text: str) -> Things | None:
        """ "leftmost mug"."""
        for side, patterns in SIDES.items():
            for pattern in _alternatives(patterns):
                match = re.fullmatch(pattern.format("(.*)"), text)
                fits = self.noun(match[1]) if match else None
                if fits:
                    return [self._at(side, fits)]
                if fits == []:
                    return []
        return None

    def order(self, text: str) -> Things | None:
        """ "second mug from the left"."""
        match = re.fullmatch(r"(\w+) (?:(.*) from the (left|right)|from the (left|right) (.*))", text)
        if match is None or match[1] not in ORDINALS:
            return None
        fits = self.noun(match[2] or match[5]) or []
        fits = sorted(fits, key=_across, reverse="right" in (match[3], match[4]))
        rank = ORDINALS.index(match[1])
        return fits[rank : rank + 1]

    def size(self, text: str) -> Things | None:
        """ "smallest mug"."""
        match = re.fullmatch(rf"(?:({SMALL}|{LARGE}) )?(.*?)(?: that is (smaller|bigger))?", text)
        if match is None or not (match[1] or match[3]):
            return None
        fits = self.noun(match[2])
        if fits is None:
            return None
        chosen = min if (match[1] or match[3]) in SMALL.split("|") else max
        return [chosen(fits, key=lambda thing: thing.scale)] if fits else []

    def relation(self, text: str) -> Things | None:
        """ "mug left of the bowl"."""
        match = RELATION.fullmatch(text)
        if match is None:
            return None
        heads, anchors = self.noun(match[1]), self.noun(match[3])
        if heads is None or anchors is None:
            return None
        if not anchors:
            return []
        assert len(anchors) == 1, f"several anchors: {text!r}"
        (anchor,), words = anchors, match[2]
        if "left" in words:
            return [t for t in heads if _across(t) < _across(anchor)]
        if "right" in words:
            return [t for t in heads if _across(t) > _across(anchor)]
        if words in ("behind", "at the back of"):
            return [t for t in heads if t.ground[1] > anchor.ground[1]]
        if words in ("in front of", "before"):
            return [t for t in heads if t.ground[1] < anchor.ground[1]]
        return [min(heads, key=lambda t: math.dist(t.ground, anchor.ground))] if heads else []

    def between(self, text: str) -> Things | None:
        """ "mug between the bowl and the can"."""
        match = BETWEEN.fullmatch(text)
        if match is None:
            return None
        heads, ends = self.noun(match[1]) or [], [self.noun(match[2]), self.noun(match[3])]
        if not all(ends):
            return []
        assert all(len(end or ()) == 1 for end in ends), f"several anchors: {text!r}"
        a, b = ((end or [])[0].ground for end in ends)
        return [min(heads, key=lambda t: math.dist(t.ground, a) + math.dist(t.ground, b))]

    def negation(self, text: str) -> Things | None:
        """ "mug that is not blue", "mug not on the left"."""
        of_side = re.fullmatch(r"(.*?)(?: (?:that|which) is not| that isn't| not) on the (left|right)", text)
        if of_side:
            fits = self.noun(of_side[1]) or []
            return [thing for thing in fits if thing is not self._at(of_side[2], fits)]
        match = re.fullmatch(rf"(.*?)(?: (?:that|which) is not| that isn't| not) ({COLOUR})|non ({COLOUR}) (.*)", text)
        if match is None:
            return None
        colour = COLOUR_NAMES[match[2] or match[3]]
        return [thing for thing in self.noun(match[1] or match[4]) or [] if thing.colour != colour]

    def motion(self, text: str) -> Things | None:
        """ "ball rolling to the left", "moving mug", "mug at rest"."""
        at_rest = re.fullmatch(
            r"still (.*)|(.*?)(?: at rest| that is not moving| standing still| that isn't moving)", text
        )
        if at_rest:
            fits = self.noun(at_rest[1] or at_rest[2])
            return None if fits is None else [thing for thing in fits if _speed(thing) < 0.03]
        match = re.fullmatch(
            r"moving (?P<head>.*)|(?P<head2>.*?)(?: that is)? (?:being pushed|moving|rolling|sliding|falling|dropping)"
            r"(?: (?P<way>.*))?",
            text,
        )
        if match is None:
            return None
        fits = self.noun(match["head"] or match["head2"])
        if fits is None:
            return None
        moving = [thing for thing in fits if _speed(thing) > 0.08]
        return [thing for thing in moving if _goes(thing, match["way"])] if match["way"] else moving

    def event(self, text: str) -> Things | None:
        """ "can that stopped", "ball that was pushed first"."""
        ended = re.fullmatch(r"(.*) that (?:(?:has )?stopped|stopped moving|came to rest)", text)
        begun = re.fullmatch(r"(.*) that (?:started moving|just started|began to move|has begun to move)", text)
        ranked = re.fullmatch(
            r"(?P<head>.*?)(?: that)? (?:moved|started|was pushed|pushed|was the) (?P<rank>first|last)(?: to move)?"
            r"|(?P<rank2>first|last) (?P<head2>.*) to move",
            text,
        )
        if ended or begun:
            fits = self.noun((ended or begun)[1])
            return None if fits is None else [t for t in fits if _moves(t)[-1] == bool(begun) and _changes(t)]
        if ranked is None:
            return None
        fits = self.noun(ranked["head"] or ranked["head2"])
        movers = [thing for thing in fits or [] if any(_moves(thing))]
        chosen = min if "first" in (ranked["rank"], ranked["rank2"]) else max
        moment = chosen((_moves(thing).index(True) for thing in movers), default=0)
        return None if fits is None else [thing for thing in movers if _moves(thing).index(True) == moment]

    @staticmethod
    def _at(side: str, fits: Things) -> ObjectTruth:
        if side == "middle":
            assert len(fits) == 3
            return sorted(fits, key=_across)[1]
        chosen = min if side in ("left", "front") else max
        return chosen(fits, key=_across if side in ("left", "right") else _away)


def _alternatives(patterns: str) -> list[str]:
    """Split at the bars that are outside of brackets."""
    return re.split(r"\|(?![^(]*\))", patterns)


def _across(thing: ObjectTruth) -> float:
    return thing.box[0] + thing.box[2] / 2


def _away(thing: ObjectTruth) -> float:
    return thing.ground[1]


def _speed(thing: ObjectTruth) -> float:
    return math.hypot(*thing.velocity)


def _moves(thing: ObjectTruth) -> list[bool]:
    """In each frame of its clip."""
    return [pace > 0.08 for pace in (*thing.earlier, _speed(thing))]


def _changes(thing: ObjectTruth) -> bool:
    """Whether it moves at the beginning of its clip, or at the end, but not at both; or in between alone."""
    moves = _moves(thing)
    return any(moves[:-1]) if not moves[-1] else not moves[0]


def _goes(thing: ObjectTruth, way: str) -> bool:
    """Whether the larger part of a motion in the viewer's plane of left-right and away-towards is that way."""
    right, down, forward = thing.velocity
    depth = math.copysign(math.hypot(down, forward), forward)
    if "left" in way:
        return -right > abs(depth)
    if "right" in way:
        return right > abs(depth)
    if "away" in way or way == "backwards":
        return depth > abs(right)
    assert way in ("towards us", "towards the camera", "forwards", "closer"), way
    return -depth > abs(right)
