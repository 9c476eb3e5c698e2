"""Expressions that exactly one thing of a scene fits."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

from refseg_ros.simulation import wording
from refseg_ros.simulation.arrangement import MARGIN_IMAGE, MOVING, Arrangement, distance, goes, speed
from refseg_ros.simulation.events import events, worded
from refseg_ros.simulation.phrase import Phrase, ids_of
from refseg_ros.simulation.speaker import Speaker
from refseg_ros.simulation.tabletop import ObjectTruth
from refseg_ros.simulation.wording import Description, pick

SIZE_RATIO = 1.3  # least ratio of a large to a small thing of one class


class FittingPhrases:
    """Makes expressions with one referent, kind by kind; `all` drops those whose thing is too small or hidden."""

    def __init__(self, scene: Arrangement, speaker: Speaker) -> None:
        self.scene, self.speaker, self.rng = scene, speaker, speaker.rng

    def all(self) -> list[Phrase]:
        """All expressions whose target is clearly visible."""
        makers = (
            self.named, self.sized, self.placed, self.ordered, self.related, self.between, self.negated, self.moving,
            self.happened,
        )  # fmt: skip
        return [phrase for make in makers for phrase in make() if phrase.target in self.scene.clear]

    def phrase(self, kind: str, text: str, target: ObjectTruth, fits: Sequence[ObjectTruth]) -> Phrase:
        """A phrase without anchors; `fits` are the things that fit its noun phrase."""
        return Phrase(self.speaker.say(text), kind, target.instance_id, ids_of(fits))

    def named(self) -> Iterable[Phrase]:
        """ "the mug", "the red mug", "the red thing": class, colour or both fit one thing."""
        for description in [*self.scene.heads, *self.scene.coloured]:
            fits = self.scene.fitting(description)
            if len(fits) == 1:
                kind = "class" if description.colour is None else "colour"
                words = description.words(self.rng)
                if kind == "colour" and description.of_a_kind and self.rng.random() < 0.15:
                    noun = replace(description, colour=None).words(self.rng)
                    words = f"{noun} that is {description.colour}"
                yield self.phrase(kind, words, fits[0], fits)

    def sized(self) -> Iterable[Phrase]:
        """ "the small mug": its scale differs clearly from all others of its class."""
        for description in self.scene.heads:
            fits = sorted(self.scene.fitting(description), key=lambda thing: thing.scale)
            if len(fits) < 2:
                continue
            if fits[1].scale >= SIZE_RATIO * fits[0].scale:
                yield self.phrase("size", self.speaker.fill(wording.SMALL, description), fits[0], fits)
            if fits[-1].scale >= SIZE_RATIO * fits[-2].scale:
                yield self.phrase("size", self.speaker.fill(wording.LARGE, description), fits[-1], fits)

    def placed(self) -> Iterable[Phrase]:
        """ "the mug on the left", "the nearest bowl", "the ball in the middle" among several."""
        for description in [*self.scene.heads, *self.scene.anything]:
            fits = self.scene.fitting(description)
            if len(fits) < 2:
                continue
            for side, thing in self.scene.extremes(fits):
                templates = wording.SIDES.get(side) or wording.IMAGE_SIDES[side]
                yield self.phrase("place", self.speaker.fill(templates, description), thing, fits)

    def ordered(self) -> Iterable[Phrase]:
        """ "the second mug from the left", "the third object from the right"."""
        for description in [*self.scene.heads, *self.scene.anything]:
            fits = sorted(self.scene.fitting(description), key=self.scene.across)
            count = len(fits)
            gaps = [self.scene.across(b) - self.scene.across(a) for a, b in itertools.pairwise(fits)]
            if not 3 <= count <= 6 or min(gaps) < 0.7 * MARGIN_IMAGE or not self.scene.countable(fits):
                continue
            for index, thing in enumerate(fits):
                for rank, side in ((index, "left"), (count - 1 - index, "right")):
                    if rank < min(count, len(wording.ORDINALS)):
                        yield self.phrase("order", self.speaker.ordinal(rank, side, description), thing, fits)

    def related(self) -> Iterable[Phrase]:
        """ "the bowl behind the red can": it holds for one bowl, and clearly not for the others."""
        anchors = self.scene.unique()
        for head in self.scene.heads:
            fits = self.scene.fitting(head)
            for anchor_words, anchor in anchors:
                # A single candidate needs no anchor; a few such phrases are kept, because people say them too.
                if head.matches(anchor) or (len(fits) == 1 and self.rng.random() > 0.15):
                    continue
                for relation in ("left", "right", "behind", "front"):
                    verdicts = [self.scene.holds(relation, thing, anchor) for thing in fits]
                    if verdicts.count(True) == 1 and None not in verdicts:
                        yield self.relation(relation, head, fits[verdicts.index(True)], fits, anchor_words, anchor)
                near = sorted(fits, key=lambda thing: distance(thing, anchor))
                if len(near) > 1 and 1.5 * distance(near[0], anchor) + 0.03 <= distance(near[1], anchor):
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
        """A phrase with an anchor, in one of the wordings of RELATIONS[relation]."""
        template, noun = pick(self.rng, wording.RELATIONS[relation]), head.words(self.rng)
        article, words = "the " if self.rng.random() < 0.95 else "a ", anchor_words.words(self.rng)
        if words[0] in "aeiou":
            article = "the "
        named = article + words
        other = self.speaker.missing(anchor_words.colour is not None)
        swapped = template.format(noun, article + other.words(self.rng)) if other else ""
        untrue = [
            wording.RELATIONS[another][0].format(noun, named)
            for another in ("left", "right", "behind", "front")
            if all(self.scene.holds(another, thing, anchor) is False for thing in fits)
        ]
        return self.anchored(template.format(noun, named), swapped, target, fits, [anchor], untrue)

    def anchored(
        self,
        text: str,
        swapped: str,
        target: ObjectTruth,
        fits: Sequence[ObjectTruth],
        anchors: Sequence[ObjectTruth],
        untrue: Sequence[str] = (),
    ) -> Phrase:
        """A relation and its controls, which share the same opening."""
        opening = self.speaker.opening(text, swapped)
        return Phrase(
            opening + text,
            "relation",
            target.instance_id,
            ids_of(fits),
            ids_of(anchors),
            swapped=opening + swapped if swapped else "",
            untrue=tuple(opening + other for other in untrue),
        )

    def between(self) -> Iterable[Phrase]:
        """ "the mug between the bowl and the can": near the line between them, all other mugs clear of it."""
        several = [(head, fits) for head in self.scene.heads if len(fits := self.scene.fitting(head)) > 1]
        for (words_a, a), (words_b, b) in itertools.combinations(self.scene.unique(), 2):
            if a is b or (apart := distance(a, b)) < 0.15:
                continue
            detours = {t.instance_id: (distance(t, a) + distance(t, b)) / apart for t in self.scene.things}
            for head, fits in several:
                if head.matches(a) or head.matches(b):
                    continue
                inner, outer, *_ = sorted(fits, key=lambda thing: detours[thing.instance_id])
                if detours[inner.instance_id] < 1.12 and detours[outer.instance_id] > 1.35:
                    names = [f"the {words.words(self.rng)}" for words in (words_a, words_b)]
                    template, noun = pick(self.rng, wording.BETWEEN), head.words(self.rng)
                    other = self.speaker.missing(words_a.colour is not None)
                    swapped = template.format(noun, f"the {other.words(self.rng)}", names[1]) if other else ""
                    yield self.anchored(template.format(noun, *names), swapped, inner, fits, [a, b])

    def negated(self) -> Iterable[Phrase]:
        """ "the mug that is not blue" if all others are blue; "the mug that is not on the left" of two."""
        for head in self.scene.plain:
            fits = self.scene.fitting(head)
            for colour in sorted({thing.colour for thing in fits}):
                rest = [thing for thing in fits if thing.colour != colour]
                if len(rest) == 1 and len(fits) > 1 and colour and self.scene.clear_cut(replace(head, colour=colour)):
                    template = pick(self.rng, wording.NOT_COLOUR)
                    said = pick(self.rng, wording.COLOUR_WORDS.get(colour, (colour,)))
                    yield self.phrase("negation", template.format(head.words(self.rng), said), rest[0], fits)
        for head in self.scene.heads:
            fits = self.scene.fitting(head)
            if len(fits) == 2:
                sides = dict(self.scene.extremes(fits))
                for side, other in (("left", "right"), ("right", "left")):
                    if side in sides and other in sides:
                        text = pick(self.rng, wording.NOT_SIDE).format(head.words(self.rng), side)
                        yield self.phrase("negation", text, sides[other], fits)

    def moving(self) -> Iterable[Phrase]:
        """ "the ball rolling to the left", "the moving thing", "the can that is not moving"."""
        if not self.scene.motion_is_clear():
            return  # some thing is neither at rest nor clearly in motion
        for head in [*self.scene.heads, *self.scene.anything]:
            fits = self.scene.fitting(head)
            moving, resting = ([t for t in fits if (speed(t) >= MOVING) == flag] for flag in (True, False))
            if moving and len(resting) == 1 and head.of_a_kind:
                yield self.phrase("motion", self.speaker.fill(wording.AT_REST, head), resting[0], fits)
            if len(moving) == 1 and len(fits) > 1:
                words, verb = head.words(self.rng), pick(self.rng, wording.VERBS[moving[0].motion or "pushed"])
                text = f"moving {words}" if verb == "moving" and self.rng.random() < 0.5 else f"{words} {verb}"
                yield self.phrase("motion", text, moving[0], fits)
            for direction in wording.DIRECTIONS:
                going = [goes(thing, direction) for thing in moving]
                if len(fits) > 1 and going.count(True) == 1 and None not in going:
                    thing = moving[going.index(True)]
                    text = self.speaker.motion(head, thing.motion or "pushed", direction)
                    yield self.phrase("motion", text, thing, fits)

    def happened(self) -> Iterable[Phrase]:
        """ "the can that stopped", "the ball that was pushed first": true of one of several things in a clip."""
        for head in [*self.scene.heads, *self.scene.anything]:
            fits = self.scene.fitting(head)
            for event, those in events(fits).items():
                if len(those) == 1 < len(fits):
                    yield self.phrase("event", worded(event, head, fits, self.rng), those[0], fits)
