"""Relations between the things in a photo, judged from the image alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from refseg_ros.simulation.arrangement import MARGIN_IMAGE, Arrangement
from refseg_ros.simulation.tabletop import ObjectTruth


class PhotoArrangement(Arrangement):
    """The arrangement in a photo: left, right, top and bottom are places in the image; there is no front or back."""

    def holds(self, relation: str, thing: ObjectTruth, anchor: ObjectTruth) -> bool | None:
        """See `Arrangement.holds`."""
        if relation not in ("left", "right"):
            return None
        across, down = (thing.ground[axis] - anchor.ground[axis] for axis in (0, 1))
        amount = across if relation == "right" else -across
        if amount >= MARGIN_IMAGE:
            return True if amount >= 0.8 * abs(down) else None
        return False if amount <= 0 else None

    def extremes(self, fits: Sequence[ObjectTruth]) -> Iterable[tuple[str, ObjectTruth]]:
        """See `Arrangement.extremes`."""
        yield from ((side, thing) for side, thing in super().extremes(fits) if side not in ("front", "back"))
        upwards = sorted(fits, key=lambda thing: thing.ground[1])
        heights = [thing.ground[1] for thing in upwards]
        if heights[1] - heights[0] >= 2 * MARGIN_IMAGE:
            yield "bottom", upwards[0]
        if heights[-1] - heights[-2] >= 2 * MARGIN_IMAGE:
            yield "top", upwards[-1]

    def motion_is_clear(self) -> bool:
        """See `Arrangement.motion_is_clear`; a photo shows no motion."""
        return False
