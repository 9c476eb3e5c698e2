"""Expressions with exactly one referent, computed from a scene's truth, and expressions that fit nothing in it.

Everything is judged as the viewer sees it: left and right by the image, in front and behind by the distance along the
table. Where a relation is not clear-cut (a thing a little to the left and far behind), no expression is made of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from refseg_ros.simulation import wording
from refseg_ros.simulation.tabletop import CLASSES, COLOURS, ObjectTruth
from refseg_ros.simulation.wording import Description, pick

KINDS = ("class", "colour", "size", "place", "order", "relation", "negation", "motion", "absent")

MIN_PIXELS = 0.0012  # of the image: smaller things are never referred to
MIN_VISIBLE = 0.45  # of the object: more hidden things are never referred to
MARGIN_IMAGE = 0.05  # of the image's width, between two things of which one is "left of" the other
MARGIN_GROUND = 0.05  # metres along the table, between two things of which one is "behind" the other
SIZE_RATIO = 1.3  # between a large and a small thing of one class
MOVING, RESTING = 0.08, 0.03  # metres per second

ALL_PAIRS: frozenset[tuple[str, str]] = frozenset(itertools.product(COLOURS, CLASSES))


@dataclass(frozen=True)
class Phrase:
    """An expression and what it means in one scene."""

    text: str
    kind: str
    """One of KINDS."""
    target: int | None
    """Instance id of the one thing meant; None when nothing fits."""
    candidates: tuple[int, ...] = ()
    """Instance ids of all things that fit the head noun phrase alone ("mug" of "the mug left of the bowl")."""
    anchors: tuple[int, ...] = ()
    """Instance ids of the things that the target is related to ("the bowl")."""
    swapped: str = ""
    """A relation's text with its anchor replaced by something absent: nothing fits it any more."""
    reason: str = ""
    """Why nothing fits: "thing", "anchor" (not there), "relation", "motion", "order" or "negation" (not so)."""


def phrases(
    objects: Sequence[ObjectTruth],
    width: int,
    height: int,
    rng: np.random.Generator,
    pairs: frozenset[tuple[str, str]] = ALL_PAIRS,
) -> list[Phrase]:
    """All expressions that fit a scene, each in one wording drawn by `rng`, with about as many absent ones as relations.

    Args:
        objects: the scene's truth at one frame.
        width, height: of the image, in pixels, in which the objects' pixels and boxes are counted.
        rng: draws wordings, and what absent expressions name.
        pairs: (colour, class) pairs that absent expressions may name.
    """
    return _Scene(objects, width, height, rng, pairs).phrases()


class _Scene:
    """One frame's objects, ready to be talked about."""

    def __init__(
        self,
        objects: Sequence[ObjectTruth],
        width: int,
        height: int,
        rng: np.random.Generator,
        pairs: frozenset[tuple[str, str]],
    ) -> None:
        self.things = [thing for thing in objects if thing.pixels > 0]
        self.clear = {
            thing.instance_id
            for thing in self.things
            if thing.pixels >= MIN_PIXELS * width * height and thing.visible_fraction >= MIN_VISIBLE
        }
        self.width = width
        self.rng = rng
        self._fitting: dict[Description, list[ObjectTruth]] = {}
        self.pairs = pairs
        self.plain = [Description(name) for name in sorted({thing.class_name for thing in self.things})]
        self.paired = [Description(c, k) for k, c in sorted({(t.colour, t.class_name) for t in self.things})]
        self.heads = [*self.plain, *self.paired]

    def phrases(self) -> list[Phrase]:
        makers: list[Callable[[], Iterable[Phrase]]] = [
            self.named, self.sized, self.placed, self.ordered, self.related, self.between, self.negated, self.moving,
        ]  # fmt: skip
        made = [phrase for make in makers for phrase in make() if phrase.target in self.clear]
        return made + list(self.absent())

    # What stands where

    def fitting(self, description: Description) -> list[ObjectTruth]:
        if description not in self._fitting:
            self._fitting[description] = [thing for thing in self.things if description.matches(thing)]
        return self._fitting[description]

    def across(self, thing: ObjectTruth) -> float:
        """Horizontal centre in the image, 0 (left) to 1 (right)."""
        return (thing.box[0] + thing.box[2] / 2) / self.width

    def holds(self, relation: str, thing: ObjectTruth, anchor: ObjectTruth) -> bool | None:
        """Whether `thing` is left / right / behind / front of `anchor`; None where people would not agree."""
        across = self.across(thing) - self.across(anchor)
        aside, away = (thing.ground[i] - anchor.ground[i] for i in (0, 1))
        if relation in ("left", "right"):
            amount, margin, dominant = across, MARGIN_IMAGE, abs(aside) >= 0.6 * abs(away)
        else:
            amount, margin, dominant = away, MARGIN_GROUND, abs(away) >= 0.6 * abs(aside)
        if relation in ("left", "front"):
            amount = -amount
        if amount >= margin:
            return True if dominant else None
        return False if amount <= 0 else None

    # What is said

    def say(self, text: str) -> str:
        return pick(self.rng, wording.PREFIXES) + text

    def phrase(
        self, kind: str, text: str, target: ObjectTruth, fits: Sequence[ObjectTruth], anchors: Sequence[ObjectTruth] = ()
    ) -> Phrase:
        return Phrase(self.say(text), kind, target.instance_id, _ids(fits), _ids(anchors))

    def named(self) -> Iterable[Phrase]:
        """ "the mug", "the red mug", "the red thing": whatever class, colour or both single out."""
        coloured = [Description(None, colour) for colour in sorted({thing.colour for thing in self.things})]
        for description in [*self.heads, *coloured]:
            fits = self.fitting(description)
            if len(fits) == 1:
                kind = "class" if description.colour is None else "colour"
                words = description.words(self.rng)
                if kind == "colour" and description.class_name and self.rng.random() < 0.15:
                    noun = Description(description.class_name).words(self.rng)
                    words = f"{noun} that is {description.colour}"
                yield self.phrase(kind, words, fits[0], fits)

    def sized(self) -> Iterable[Phrase]:
        """ "the small mug": its scale is clear of every other of the class."""
        for description in self.heads:
            fits = sorted(self.fitting(description), key=lambda thing: thing.scale)
            if len(fits) < 2:
                continue
            if fits[1].scale >= SIZE_RATIO * fits[0].scale:
                yield self.phrase("size", _fill(self.rng, wording.SMALL, description), fits[0], fits)
            if fits[-1].scale >= SIZE_RATIO * fits[-2].scale:
                yield self.phrase("size", _fill(self.rng, wording.LARGE, description), fits[-1], fits)

    def placed(self) -> Iterable[Phrase]:
        """ "the mug on the left", "the nearest bowl", "the ball in the middle" among several."""
        for description in [*self.heads, Description()]:
            fits = self.fitting(description)
            if len(fits) < 2:
                continue
            for side, thing in self.extremes(fits):
                yield self.phrase("place", _fill(self.rng, wording.SIDES[side], description), thing, fits)

    def extremes(self, fits: Sequence[ObjectTruth]) -> Iterable[tuple[str, ObjectTruth]]:
        """The sides (and the middle) at which one thing of several stands clear of the others."""
        by_x, by_depth = sorted(fits, key=self.across), sorted(fits, key=lambda thing: thing.ground[1])
        xs, depths = [self.across(thing) for thing in by_x], [thing.ground[1] for thing in by_depth]
        if xs[1] - xs[0] >= MARGIN_IMAGE:
            yield "left", by_x[0]
        if xs[-1] - xs[-2] >= MARGIN_IMAGE:
            yield "right", by_x[-1]
        if depths[1] - depths[0] >= MARGIN_GROUND:
            yield "front", by_depth[0]
        if depths[-1] - depths[-2] >= MARGIN_GROUND:
            yield "back", by_depth[-1]
        if len(fits) == 3 and min(xs[1] - xs[0], xs[2] - xs[1]) >= MARGIN_IMAGE:
            yield "middle", by_x[1]

    def ordered(self) -> Iterable[Phrase]:
        """ "the second mug from the left", "the third object from the right"."""
        for description in [*self.heads, Description()]:
            fits = sorted(self.fitting(description), key=self.across)
            count = len(fits)
            gaps = [self.across(b) - self.across(a) for a, b in itertools.pairwise(fits)]
            if not 3 <= count <= 6 or min(gaps) < 0.7 * MARGIN_IMAGE:
                continue
            for index, thing in enumerate(fits):
                for rank, side in ((index, "left"), (count - 1 - index, "right")):
                    if rank < min(count, len(wording.ORDINALS)):
                        yield self.phrase("order", self.ordinal(rank, side, description), thing, fits)

    def ordinal(self, rank: int, side: str, description: Description) -> str:
        words = description.words(self.rng)
        if self.rng.random() < 0.3:
            return f"{wording.ORDINALS[rank]} from the {side} {words}"
        return f"{wording.ORDINALS[rank]} {words} from the {side}"

    def unique(self) -> list[tuple[Description, ObjectTruth]]:
        """Noun phrases that single out one clearly visible thing: what can serve as an anchor."""
        found = ((description, self.fitting(description)) for description in self.heads)
        return [(d, fits[0]) for d, fits in found if len(fits) == 1 and fits[0].instance_id in self.clear]

    def related(self) -> Iterable[Phrase]:
        """ "the bowl behind the red can": exactly one bowl is, and every other one clearly is not."""
        for head in self.heads:
            for anchor_words, anchor in self.unique():
                fits = [thing for thing in self.fitting(head) if thing is not anchor]
                # With a single candidate nothing needs the anchor; a few of them remain, people speak so too.
                if head.matches(anchor) or not fits or (len(fits) == 1 and self.rng.random() > 0.15):
                    continue
                for relation in ("left", "right", "behind", "front"):
                    verdicts = [self.holds(relation, thing, anchor) for thing in fits]
                    if verdicts.count(True) == 1 and None not in verdicts:
                        yield self.relation(relation, head, fits[verdicts.index(True)], fits, anchor_words, anchor)
                near = sorted(fits, key=lambda thing: _distance(thing, anchor))
                if len(near) > 1 and 1.5 * _distance(near[0], anchor) + 0.03 <= _distance(near[1], anchor):
                    yield self.relation("near", head, near[0], fits, anchor_words, anchor)

    def relation(
        self,
        relation: str,
        head: Description,
        target: ObjectTruth,
        fits: Sequence[ObjectTruth],
        anchor_words: Description,
        anchor: ObjectTruth,
    ) -> Phrase:
        template, noun = self.say(pick(self.rng, wording.RELATIONS[relation])), head.words(self.rng)
        article = "the " if self.rng.random() < 0.95 else "a "
        text = template.format(noun, article + anchor_words.words(self.rng))
        other = self.missing(anchor_words.colour is not None)
        swapped = template.format(noun, article + other.words(self.rng)) if other else ""
        return Phrase(text, "relation", target.instance_id, _ids(fits), (anchor.instance_id,), swapped)

    def between(self) -> Iterable[Phrase]:
        """ "the mug between the bowl and the can": near the line that joins them, every other mug clear of it."""
        for (words_a, a), (words_b, b) in itertools.combinations(self.unique(), 2):
            if a is b or _distance(a, b) < 0.15:
                continue
            for head in self.heads:
                fits = [thing for thing in self.fitting(head) if thing is not a and thing is not b]
                if head.matches(a) or head.matches(b) or len(fits) < 2:
                    continue
                detours = sorted((_distance(t, a) + _distance(t, b)) / _distance(a, b) for t in fits)
                if detours[0] < 1.12 and detours[1] > 1.35:
                    inner = min(fits, key=lambda t: _distance(t, a) + _distance(t, b))
                    names = [f"the {words.words(self.rng)}" for words in (words_a, words_b)]
                    template, noun = self.say(pick(self.rng, wording.BETWEEN)), head.words(self.rng)
                    other = self.missing(words_a.colour is not None)
                    swapped = template.format(noun, f"the {other.words(self.rng)}", names[1]) if other else ""
                    text = template.format(noun, *names)
                    yield Phrase(text, "relation", inner.instance_id, _ids(fits), _ids([a, b]), swapped)

    def negated(self) -> Iterable[Phrase]:
        """ "the mug that is not blue" where all others are; "the mug that is not on the left" of two."""
        for head in self.plain:
            fits = self.fitting(head)
            for colour in sorted({thing.colour for thing in fits}):
                rest = [thing for thing in fits if thing.colour != colour]
                if len(rest) == 1 and len(fits) > 1:
                    template = pick(self.rng, wording.NOT_COLOUR)
                    said = pick(self.rng, wording.COLOUR_WORDS.get(colour, (colour,)))
                    yield self.phrase("negation", template.format(head.words(self.rng), said), rest[0], fits)
        for head in self.heads:
            fits = self.fitting(head)
            if len(fits) == 2:
                sides = dict(self.extremes(fits))
                for side, other in (("left", "right"), ("right", "left")):
                    if side in sides and other in sides:
                        text = pick(self.rng, wording.NOT_SIDE).format(head.words(self.rng), side)
                        yield self.phrase("negation", text, sides[other], fits)

    def moving(self) -> Iterable[Phrase]:
        """ "the ball rolling to the left", "the moving thing", "the can that is not moving"."""
        if any(RESTING < _speed(thing) < MOVING for thing in self.things):
            return  # neither at rest nor clearly in motion: nobody could tell
        for head in [*self.heads, Description()]:
            fits = self.fitting(head)
            moving, resting = ([t for t in fits if (_speed(t) >= MOVING) == flag] for flag in (True, False))
            if moving and len(resting) == 1 and head.class_name:
                yield self.phrase("motion", _fill(self.rng, wording.AT_REST, head), resting[0], fits)
            if len(moving) == 1 and len(fits) > 1:
                words, verb = head.words(self.rng), pick(self.rng, wording.VERBS[moving[0].motion or "pushed"])
                text = f"moving {words}" if verb == "moving" and self.rng.random() < 0.5 else f"{words} {verb}"
                yield self.phrase("motion", text, moving[0], fits)
            for direction in wording.DIRECTIONS:
                going = [self.goes(thing, direction) for thing in moving]
                if len(fits) > 1 and going.count(True) == 1 and None not in going:
                    thing = moving[going.index(True)]
                    yield self.phrase("motion", self.motion(head, thing.motion or "pushed", direction), thing, fits)

    def motion(self, head: Description, motion: str, direction: str) -> str:
        verb = pick(self.rng, wording.VERBS[motion])
        return f"{head.words(self.rng)} {verb}{pick(self.rng, wording.DIRECTIONS[direction])}"

    @staticmethod
    def goes(thing: ObjectTruth, direction: str) -> bool | None:
        """Whether a moving thing goes left / right / away / towards the viewer; None where it is not clear."""
        if thing.motion == "falling":
            return None
        right, down, forward = thing.velocity
        away = float(np.copysign(np.hypot(down, forward), forward))
        amount, other = (right, away) if direction in ("left", "right") else (away, right)
        if direction in ("left", "towards"):
            amount = -amount
        if amount >= 0.7 * MOVING and amount >= 1.2 * abs(other):
            return True
        return False if amount <= 0.3 * abs(other) else None

    # What is not there

    def missing(self, coloured: bool) -> Description | None:
        """A noun phrase that nothing in the scene fits; None when there is none."""
        there = {(thing.colour, thing.class_name) for thing in self.things}
        classes = {name for _, name in there}
        if not coloured:
            free = [name for name in CLASSES if name not in classes]
            return Description(free[int(self.rng.integers(len(free)))]) if free else None
        free_pairs = sorted(self.pairs - there)
        # Most often the class is there in another colour, or the colour on another class: that is the hard case.
        hard = [pair for pair in free_pairs if pair[1] in classes]
        chosen = hard if hard and self.rng.random() < 0.7 else free_pairs
        if not chosen:
            return None
        colour, name = chosen[int(self.rng.integers(len(chosen)))]
        return Description(name, colour)

    def absent(self) -> Iterable[Phrase]:
        """Expressions that nothing fits: absent things, wrong colours, false relations, motions that nobody makes."""
        for coloured in (False, True, True, True):
            head = self.missing(coloured)
            if head:
                yield self.nothing("thing", head.words(self.rng), head)
                side = pick(self.rng, tuple(wording.SIDES))
                yield self.nothing("thing", _fill(self.rng, wording.SIDES[side], head), head)
                verb = pick(self.rng, ("moving", "rolling", "sliding", "that is moving"))
                yield self.nothing("thing", f"{head.words(self.rng)} {verb}", head)
        yield from self.false_relations()
        yield from self.false_motions()
        for head in self.plain:
            fits = self.fitting(head)
            rank = len(fits) + int(self.rng.integers(0, 2))
            if 1 < len(fits) and rank < len(wording.ORDINALS):
                yield self.nothing("order", self.ordinal(rank, pick(self.rng, ("left", "right")), head), head)
            if fits and len({thing.colour for thing in fits}) == 1:
                template = pick(self.rng, wording.NOT_COLOUR)
                yield self.nothing("negation", template.format(head.words(self.rng), fits[0].colour), head)

    def nothing(self, reason: str, text: str, head: Description, anchors: Sequence[ObjectTruth] = ()) -> Phrase:
        return Phrase(self.say(text), "absent", None, _ids(self.fitting(head)), _ids(anchors), reason=reason)

    def false_relations(self) -> Iterable[Phrase]:
        """Everything that is named may be there but does not stand so; or the anchor, or the head, is not there at all."""
        anchors = self.unique()
        for head in self.heads:
            others = [(words, thing) for words, thing in anchors if not head.matches(thing)]
            relation = pick(self.rng, tuple(wording.RELATIONS))
            template = pick(self.rng, wording.RELATIONS[relation])
            other = self.missing(self.rng.random() < 0.7)
            if other:
                text = template.format(head.words(self.rng), f"the {other.words(self.rng)}")
                yield self.nothing("anchor", text, head)
            if not others:
                continue
            anchor_words, anchor = others[int(self.rng.integers(len(others)))]
            if other:
                text = template.format(other.words(self.rng), f"the {anchor_words.words(self.rng)}")
                yield self.nothing("thing", text, other, [anchor])
            for relation in ("left", "right", "behind", "front"):
                if all(self.holds(relation, thing, anchor) is False for thing in self.fitting(head)):
                    text = pick(self.rng, wording.RELATIONS[relation])
                    text = text.format(head.words(self.rng), f"the {anchor_words.words(self.rng)}")
                    yield self.nothing("relation", text, head, [anchor])

    def false_motions(self) -> Iterable[Phrase]:
        if any(RESTING < _speed(thing) < MOVING for thing in self.things):
            return
        for head in self.heads:
            moving = [thing for thing in self.fitting(head) if _speed(thing) >= MOVING]
            if not moving:
                direction = pick(self.rng, tuple(wording.DIRECTIONS))
                yield self.nothing("motion", self.motion(head, pick(self.rng, ("rolling", "sliding")), direction), head)
            for direction in wording.DIRECTIONS if moving else ():
                if all(self.goes(thing, direction) is False for thing in moving):
                    yield self.nothing("motion", self.motion(head, moving[0].motion or "pushed", direction), head)


def _fill(rng: np.random.Generator, templates: tuple[str, ...], description: Description) -> str:
    return pick(rng, templates).format(description.words(rng))


def _ids(things: Iterable[ObjectTruth]) -> tuple[int, ...]:
    return tuple(thing.instance_id for thing in things)


def _speed(thing: ObjectTruth) -> float:
    return float(np.linalg.norm(thing.velocity))


def _distance(thing: ObjectTruth, other: ObjectTruth) -> float:
    """Metres along the table."""
    return float(np.hypot(thing.ground[0] - other.ground[0], thing.ground[1] - other.ground[1]))
