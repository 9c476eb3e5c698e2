"""How the things of one frame stand and move, as a viewer would judge it, and where no two viewers would agree.

Left and right are judged by the image, in front and behind by the distance along the table. Where a relation is not
clear-cut (a thing a little to the left and far behind), it is neither so nor not so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from refseg_ros.simulation.tabletop import ObjectTruth
from refseg_ros.simulation.wording import Description

MIN_PIXELS = 0.0012  # of the image: smaller things are never referred to
MIN_VISIBLE = 0.45  # of the object: more hidden things are never referred to
MARGIN_IMAGE = 0.05  # of the image's width, between two things of which one is "left of" the other
MARGIN_GROUND = 0.05  # metres along the table, between two things of which one is "behind" the other
MOVING, RESTING = 0.08, 0.03  # metres per second


class Arrangement:
    """One frame's objects, ready to be talked about.

    Args:
        objects: the scene's truth; what is not visible at all does not count.
        width, height: of the image, in pixels, in which the objects' pixels and boxes are counted.
    """

    def __init__(self, objects: Sequence[ObjectTruth], width: int, height: int) -> None:
        self.things = [thing for thing in objects if thing.pixels > 0]
        self.clear = {
            thing.instance_id
            for thing in self.things
            if thing.pixels >= MIN_PIXELS * width * height and thing.visible_fraction >= MIN_VISIBLE
        }
        """Instance ids of the things that may be referred to."""
        self.width = width
        self._fitting: dict[Description, list[ObjectTruth]] = {}
        self.plain = [Description(name) for name in sorted({thing.class_name for thing in self.things})]
        """A description for each class that is there."""
        paired = [Description(c, k) for k, c in sorted({(t.colour, t.class_name) for t in self.things})]
        self.heads = [*self.plain, *paired]
        """Those, and one for each pair of colour and class that is there."""

    def fitting(self, description: Description) -> list[ObjectTruth]:
        """The things that fit a noun phrase."""
        if description not in self._fitting:
            self._fitting[description] = [thing for thing in self.things if description.matches(thing)]
        return self._fitting[description]

    def unique(self) -> list[tuple[Description, ObjectTruth]]:
        """Noun phrases that single out one clearly visible thing: what can serve as an anchor."""
        found = ((description, self.fitting(description)) for description in self.heads)
        return [(d, fits[0]) for d, fits in found if len(fits) == 1 and fits[0].instance_id in self.clear]

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

    def motion_is_clear(self) -> bool:
        """Whether everything is either at rest or clearly in motion."""
        return not any(RESTING < speed(thing) < MOVING for thing in self.things)


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


def speed(thing: ObjectTruth) -> float:
    """Metres per second."""
    return float(np.linalg.norm(thing.velocity))


def distance(thing: ObjectTruth, other: ObjectTruth) -> float:
    """Metres along the table."""
    return float(np.hypot(thing.ground[0] - other.ground[0], thing.ground[1] - other.ground[1]))
