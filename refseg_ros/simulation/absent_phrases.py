"""Expressions that nothing in a scene fits: absent things, wrong colours, false relations, motions nobody makes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from refseg_ros.simulation import wording
from refseg_ros.simulation.arrangement import MOVING, Arrangement, goes, speed
from refseg_ros.simulation.events import events, worded
from refseg_ros.simulation.phrase import Phrase, ids_of
from refseg_ros.simulation.speaker import Speaker
from refseg_ros.simulation.tabletop import ObjectTruth
from refseg_ros.simulation.wording import Description, pick


class AbsentPhrases:
    """Makes expressions that nothing in a scene fits, reason by reason."""

    def __init__(self, scene: Arrangement, speaker: Speaker) -> None:
        self.scene, self.speaker, self.rng = scene, speaker, speaker.rng

    def all(self) -> Iterable[Phrase]:
        """All such expressions, each in one wording."""
        # There are far more nouns than the simulator has classes, so more of them are named.
        for coloured in (False,) * (4 if self.speaker.of_nouns else 1) + (True,) * 3:
            head = self.speaker.missing(coloured)
            if head:
                yield self.nothing("thing", head.words(self.rng), head)
                side = pick(self.rng, tuple(wording.SIDES))
                yield self.nothing("thing", self.speaker.fill(wording.SIDES[side], head), head)
                verb = pick(self.rng, ("moving", "rolling", "sliding", "that is moving"))
                if self.scene.motion_is_clear():
                    yield self.nothing("thing", f"{head.words(self.rng)} {verb}", head)
        yield from self.false_relations()
        yield from self.false_motions()
        yield from self.false_events()
        for head in self.scene.plain:
            fits = self.scene.fitting(head)
            rank = len(fits) + int(self.rng.integers(0, 2))
            if len(fits) > 1 and rank < len(wording.ORDINALS):
                yield self.nothing("order", self.speaker.ordinal(rank, pick(self.rng, ("left", "right")), head), head)
            if len({thing.colour for thing in fits}) == 1 and all(t.colour and not t.other_colours for t in fits):
                template = pick(self.rng, wording.NOT_COLOUR)
                yield self.nothing("negation", template.format(head.words(self.rng), fits[0].colour), head)

    def nothing(self, reason: str, text: str, head: Description, anchors: Sequence[ObjectTruth] = ()) -> Phrase:
        """An absent expression with a `Phrase.reason`; its candidates are the things that fit its head noun phrase."""
        candidates = ids_of(self.scene.fitting(head))
        return Phrase(self.speaker.say(text), "absent", None, candidates, ids_of(anchors), reason=reason)

    def false_relations(self) -> Iterable[Phrase]:
        """Relations that do not hold, and relations whose anchor or head is not in the scene."""
        anchors = self.scene.unique()
        for head in self.scene.heads:
            others = [(words, thing) for words, thing in anchors if not head.matches(thing)]
            relation = pick(self.rng, tuple(wording.RELATIONS))
            template = pick(self.rng, wording.RELATIONS[relation])
            other = self.speaker.missing(self.rng.random() < 0.7)
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
                if all(self.scene.holds(relation, thing, anchor) is False for thing in self.scene.fitting(head)):
                    text = pick(self.rng, wording.RELATIONS[relation])
                    text = text.format(head.words(self.rng), f"the {anchor_words.words(self.rng)}")
                    yield self.nothing("relation", text, head, [anchor])

    def false_motions(self) -> Iterable[Phrase]:
        """Motions of things at rest, and wrong directions of things that move."""
        if not self.scene.motion_is_clear():
            return
        for head in self.scene.heads:
            moving = [thing for thing in self.scene.fitting(head) if speed(thing) >= MOVING]
            if not moving:
                direction = pick(self.rng, tuple(wording.DIRECTIONS))
                verb = pick(self.rng, ("rolling", "sliding"))
                yield self.nothing("motion", self.speaker.motion(head, verb, direction), head)
            for direction in wording.DIRECTIONS if moving else ():
                if all(goes(thing, direction) is False for thing in moving):
                    text = self.speaker.motion(head, moving[0].motion or "pushed", direction)
                    yield self.nothing("motion", text, head)

    def false_events(self) -> Iterable[Phrase]:
        """What happened to none of the things in a clip."""
        for head in self.scene.heads:
            fits = self.scene.fitting(head)
            untrue = [event for event, those in events(fits).items() if not those]
            if untrue:
                yield self.nothing("event", worded(pick(self.rng, untrue), head, fits, self.rng), head)
