"""Relations and motions of the things in one frame, as a viewer would judge them, including unclear cases.

Left and right are judged in the image, in front and behind by the distance along the table. A relation that is not
clear-cut (a thing a little to the left and far behind) is neither true nor false.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from refseg_ros.simulation.tabletop import ObjectTruth
from refseg_ros.simulation.wording import Description

MIN_PIXELS = 0.0012  # share of the image; smaller things are never referred to
MIN_VISIBLE = 0.45  # share of the object; things that are more hidden are never referred to
MARGIN_IMAGE = 0.05  # share of the image's width between two things before one is "left of" the other
MARGIN_GROUND = 0.05  # metres along the table between two things before one is "behind" the other
MOVING, RESTING = 0.08, 0.03  # metres per second


class Arrangement:
    """One frame's objects, ready to be talked about.

    Args:
        objects: the scene's truth; invisible things are left out.
        width, height: of the image to which the objects' pixels and boxes refer, in pixels.
        closed: whether `objects` holds every visible thing.
        vague: nouns of visible things that are not in `objects`, such as a crowd; they are never said.
    """

    def __init__(
        self,
        objects: Sequence[ObjectTruth],
        width: int,
        height: int,
        closed: bool = True,
        vague: frozenset[str] = frozenset(),
    ) -> None:
        self.things = [thing for thing in objects if thing.pixels > 0]
        self.clear = {
            thing.instance_id
            for thing in self.things
            if thing.pixels >= MIN_PIXELS * width * height and thing.visible_fraction >= MIN_VISIBLE
        }
        """Instance ids of the things that may be referred to."""
        self.width = width
        self._vague = vague
        self._fitting: dict[Description, list[ObjectTruth]] = {}
        classes = {(thing.class_name, thing.colour) for thing in self.things if not thing.names}
        nouns = {(noun, t.colour) for t in self.things for noun in t.names if noun not in vague}
        self.plain = [
            *(Description(name) for name in sorted({name for name, _ in classes})),
            *(Description(noun=noun) for noun in sorted({noun for noun, _ in nouns})),
        ]
        """A description for each class and each noun in the frame."""
        paired = [
            *(Description(name, colour) for colour, name in sorted((colour, name) for name, colour in classes)),
            *(Description(None, colour, noun) for colour, noun in sorted((colour, noun) for noun, colour in nouns)),
        ]
        # Nobody says "orange orange" or "green green onion".
        said = (pair for pair in paired if pair.colour and pair.colour not in (pair.noun or "").split())
        self.heads = [*self.plain, *(pair for pair in said if self.clear_cut(pair))]
        """The plain ones, and one for each noun with a colour in the frame, if it is clear."""
        self.anything = [Description()] if closed else []
        """The description that fits every thing, if all things are known."""
        colours = [Description(None, colour) for colour in sorted({t.colour for t in self.things if t.colour})]
        self.coloured = [one for one in colours if closed and self.clear_cut(one)]
        """A description for each clear colour in the frame, if all things are known."""

    def fitting(self, description: Description) -> list[ObjectTruth]:
        """The things that fit a noun phrase."""
        if description not in self._fitting:
            self._fitting[description] = [thing for thing in self.things if description.matches(thing)]
        return self._fitting[description]

    def clear_cut(self, description: Description) -> bool:
        """Whether everybody would agree on the things that a noun phrase fits."""
        return all(thing in self.fitting(description) for thing in self.things if description.may_match(thing))

    def may_be_there(self, description: Description) -> bool:
        """Whether somebody might say that a noun phrase fits a thing here."""
        return description.noun in self._vague or any(description.may_match(thing) for thing in self.things)

    def unique(self) -> list[tuple[Description, ObjectTruth]]:
        """Noun phrases that fit exactly one, clearly visible thing, which can be an anchor; and that thing."""
        found = ((description, self.fitting(description)) for description in self.heads)
        return [(d, fits[0]) for d, fits in found if len(fits) == 1 and fits[0].instance_id in self.clear]

    def across(self, thing: ObjectTruth) -> float:
        """Horizontal centre in the image, 0 (left) to 1 (right)."""
        return (thing.box[0] + thing.box[2] / 2) / self.width

    def holds(self, relation: str, thing: ObjectTruth, anchor: ObjectTruth) -> bool | None:
        """Whether `thing` is left / right / behind / front of `anchor`; None if people would not agree."""
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

    def extremes(self, fits: Sequence[ObjectTruth]) -> Iterable[tuple[str, ObjectTruth]]:
        """(side, thing) for each side, and the middle, where one of several things is clear of the others."""
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

    def countable(self, fits: Sequence[ObjectTruth]) -> bool:
        """Whether everybody would count the same things: people differ where some are hardly visible."""
        return all(thing.instance_id in self.clear for thing in fits)

    def motion_is_clear(self) -> bool:
        """Whether everything is either at rest or clearly in motion."""
        return not any(RESTING < speed(thing) < MOVING for thing in self.things)


def goes(thing: ObjectTruth, direction: str) -> bool | None:
    """Whether a moving thing goes left / right / away / towards the viewer; None if it is not clear."""
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


def speed(thing: ObjectTruth) -> float:
    """Speed of a thing in metres per second."""
    return float(np.linalg.norm(thing.velocity))


def distance(thing: ObjectTruth, other: ObjectTruth) -> float:
    """Distance of two things along the table in metres."""
    return float(np.hypot(thing.ground[0] - other.ground[0], thing.ground[1] - other.ground[1]))
