"""What happened in a clip: which things stopped, started to move, moved first or last. One frame does not show it."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.random import Generator

from refseg_ros.simulation.arrangement import MOVING, RESTING, speed
from refseg_ros.simulation.tabletop import ObjectTruth
from refseg_ros.simulation.wording import EVENTS, PUSHES, Description, pick


def events(fits: Sequence[ObjectTruth]) -> dict[str, list[ObjectTruth]]:
    """Event (a key of EVENTS) -> the things for which it is true. What people would not agree on is left out: all of it
    without a clip, or if a thing is neither at rest nor clearly in motion in one of the frames.
    """
    paces = [[*thing.earlier, speed(thing)] for thing in fits]
    if any(len(clip) == 1 or any(RESTING < pace < MOVING for pace in clip) for clip in paces):
        return {}
    moving = [[pace >= MOVING for pace in clip] for clip in paces]
    true = {
        "stopped": [thing for thing, clip in zip(fits, moving, strict=True) if any(clip[:-1]) and not clip[-1]],
        "started": [thing for thing, clip in zip(fits, moving, strict=True) if not clip[0] and clip[-1]],
    }
    begins = [(clip.index(True), thing) for thing, clip in zip(fits, moving, strict=True) if any(clip)]
    for event, extreme in (("first", min), ("last", max)):
        moment = extreme((begin for begin, _ in begins), default=0)
        those = [thing for begin, thing in begins if begin == moment]
        if not begins or len(those) == 1 < len(begins):
            true[event] = those
    return true


def worded(event: str, head: Description, fits: Sequence[ObjectTruth], rng: Generator) -> str:
    """A noun phrase of an event in one of its wordings: "can that stopped", "ball that was pushed first"."""
    moved = [thing.motion or thing.earlier_motion for thing in fits if thing.motion or thing.earlier_motion]
    pushes = PUSHES.get(event, ()) if moved and set(moved) == {"pushed"} else ()
    return pick(rng, (*EVENTS[event], *pushes)).format(head.words(rng))
