"""Puts descriptions into words, drawing one of their wordings."""

from __future__ import annotations

from numpy.random import Generator

from refseg_ros.simulation import wording
from refseg_ros.simulation.arrangement import Arrangement
from refseg_ros.simulation.tabletop import CLASSES
from refseg_ros.simulation.wording import Description, pick


class Speaker:
    """Speaks about one arrangement.

    Args:
        scene: what is there.
        rng: draws wordings, and what is named that is not there.
        pairs: (colour, class) pairs that may be named though they are not there.
    """

    def __init__(self, scene: Arrangement, rng: Generator, pairs: frozenset[tuple[str, str]]) -> None:
        self.rng = rng
        there = {(thing.colour, thing.class_name) for thing in scene.things}
        classes = {name for _, name in there}
        self._free_classes = [name for name in CLASSES if name not in classes]
        self._free_pairs = sorted(pairs - there)
        # Most often the class is there in another colour: that is the hard case.
        self._hard_pairs = [pair for pair in self._free_pairs if pair[1] in classes]

    def say(self, text: str) -> str:
        """A noun phrase with an article or a request before it."""
        return self.opening(text) + text

    def opening(self, *texts: str) -> str:
        """What may stand before each of some noun phrases without making it too long."""
        prefix, longest = pick(self.rng, wording.PREFIXES), max(len(text.split()) for text in texts)
        return prefix if len(prefix.split()) + longest <= wording.MAX_WORDS else "the "

    def fill(self, templates: tuple[str, ...], description: Description) -> str:
        """One of some templates, with a description in it."""
        return pick(self.rng, templates).format(description.words(self.rng))

    def ordinal(self, rank: int, side: str, description: Description) -> str:
        """The rank-th (from 0) from a side."""
        words = description.words(self.rng)
        if self.rng.random() < 0.3:
            return f"{wording.ORDINALS[rank]} from the {side} {words}"
        return f"{wording.ORDINALS[rank]} {words} from the {side}"

    def motion(self, head: Description, motion: str, direction: str) -> str:
        """Something moving (a key of VERBS) in a direction (a key of DIRECTIONS)."""
        verb = pick(self.rng, wording.VERBS[motion])
        return f"{head.words(self.rng)} {verb}{pick(self.rng, wording.DIRECTIONS[direction])}"

    def missing(self, coloured: bool) -> Description | None:
        """A noun phrase, with or without a colour, that nothing in the scene fits; None when there is none."""
        if not coloured:
            free = self._free_classes
            return Description(free[int(self.rng.integers(len(free)))]) if free else None
        hard = self._hard_pairs
        chosen = hard if hard and self.rng.random() < 0.7 else self._free_pairs
        if not chosen:
            return None
        colour, name = chosen[int(self.rng.integers(len(chosen)))]
        return Description(name, colour)
