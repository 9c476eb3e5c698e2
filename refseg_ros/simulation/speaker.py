"""Puts descriptions into words, in randomly chosen wordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from numpy.random import Generator

from refseg_ros.simulation import wording
from refseg_ros.simulation.arrangement import Arrangement
from refseg_ros.simulation.tabletop import CLASSES, COLOURS
from refseg_ros.simulation.wording import Description, pick

_OTHER_NOUNS = 8  # absent nouns that are named with colours


class Speaker:
    """Speaks about one arrangement.

    Args:
        scene: the arrangement.
        rng: draws wordings and absent things to name.
        pairs: (colour, class) pairs that may be named although they are absent.
        nouns: nouns that may be named although they are absent, instead of `pairs`, for scans and photos.

    Attributes:
        of_nouns: whether `nouns` are named.
    """

    def __init__(
        self, scene: Arrangement, rng: Generator, pairs: frozenset[tuple[str, str]], nouns: Sequence[str] = ()
    ) -> None:
        self.rng, self.of_nouns = rng, bool(nouns)
        if nouns:
            kinds = [Description(noun=noun) for noun in nouns]
            there = sorted({noun for thing in scene.things for noun in thing.names} & {*nouns})
            others = [pick(rng, nouns) for _ in range(_OTHER_NOUNS)]
            coloured = [
                Description(None, colour, noun)
                for noun in {*there, *others}
                for colour in COLOURS
                if colour not in noun
            ]
            coloured.sort(key=lambda one: (one.noun or "", one.colour or ""))
        else:
            kinds = [Description(name) for name in CLASSES]
            coloured = [Description(name, colour) for colour, name in sorted(pairs)]
        self._free_kinds = [kind for kind in kinds if not scene.may_be_there(kind)]
        self._free_pairs = [pair for pair in coloured if not scene.may_be_there(pair)]
        # The hard case, in which the class is there in another colour, is drawn most often.
        self._hard_pairs = [pair for pair in self._free_pairs if scene.fitting(replace(pair, colour=None))]

    def say(self, text: str) -> str:
        """A noun phrase with an article or a request before it."""
        return self.opening(text) + text

    def opening(self, *texts: str) -> str:
        """One opening that suits several noun phrases and makes none of them too long."""
        prefix, longest = pick(self.rng, wording.PREFIXES), max(len(text.split()) for text in texts)
        if prefix == "a " and any(text.startswith(tuple("aeiou")) for text in texts):
            return "the "
        return prefix if len(prefix.split()) + longest <= wording.MAX_WORDS else "the "

    def fill(self, templates: tuple[str, ...], description: Description) -> str:
        """One of some templates, filled with a description."""
        return pick(self.rng, templates).format(description.words(self.rng))

    def ordinal(self, rank: int, side: str, description: Description) -> str:
        """The thing of a rank (from 0) counted from a side: "second mug from the left"."""
        words = description.words(self.rng)
        if self.rng.random() < 0.3:
            return f"{wording.ORDINALS[rank]} from the {side} {words}"
        return f"{wording.ORDINALS[rank]} {words} from the {side}"

    def motion(self, head: Description, motion: str, direction: str) -> str:
        """Something moving (a key of VERBS) in a direction (a key of DIRECTIONS)."""
        verb = pick(self.rng, wording.VERBS[motion])
        return f"{head.words(self.rng)} {verb}{pick(self.rng, wording.DIRECTIONS[direction])}"

    def missing(self, coloured: bool) -> Description | None:
        """A noun phrase, with or without a colour, that nothing in the scene fits; None if every one fits something."""
        if not coloured:
            free = self._free_kinds
            return free[int(self.rng.integers(len(free)))] if free else None
        hard = self._hard_pairs
        chosen = hard if hard and self.rng.random() < 0.7 else self._free_pairs
        if not chosen:
            return None
        return chosen[int(self.rng.integers(len(chosen)))]
