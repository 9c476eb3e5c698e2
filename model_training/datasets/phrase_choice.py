"""Draws the expressions to learn or to ask from all expressions about a scene."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from refseg_ros.simulation.phrases import Phrase

KIND_WEIGHTS = {
    "class": 0.06, "colour": 0.20, "size": 0.10, "place": 0.14, "order": 0.14, "relation": 0.22, "negation": 0.08,
    "motion": 0.20, "event": 0.20,
}  # fmt: skip
"""Weight of each kind of expression among those that a scene offers."""

ABSENT_SHARE = 0.27
"""Share of expressions that fit nothing."""

THING_SHARE = 0.5
"""Share of these that training draws about things that are not there at all; the others may have any reason."""


def choose(offered: Sequence[Phrase], count: int, rng: np.random.Generator, thing_share: float = 0.0) -> list[Phrase]:
    """Draw `count` of the `offered` expressions, with repeats; there must be at least one.

    Fitting ones are drawn by the weight of their kind. Of the absent ones a share `thing_share` is about things that
    are not there; the others have all reasons equally often.
    """
    kinds: dict[str, list[Phrase]] = {}
    reasons: dict[str, list[Phrase]] = {}
    for phrase in offered:
        if phrase.target is None:
            reasons.setdefault(phrase.reason, []).append(phrase)
        else:
            kinds.setdefault(phrase.kind, []).append(phrase)
    weights = np.array([KIND_WEIGHTS[kind] for kind in kinds])
    chosen = []
    for _ in range(count):
        if kinds and (rng.random() >= ABSENT_SHARE or not reasons):
            group = list(kinds.values())[int(rng.choice(len(kinds), p=weights / weights.sum()))]
        elif thing_share and "thing" in reasons and rng.random() < thing_share:
            group = reasons["thing"]
        else:
            group = list(reasons.values())[int(rng.integers(len(reasons)))]
        chosen.append(group[int(rng.integers(len(group)))])
    return chosen


def contrasted(
    chosen: list[Phrase], rng: np.random.Generator, offered: Sequence[Phrase] = (), kinds: Sequence[str] = ()
) -> list[Phrase]:
    """Replace expressions of `chosen` by near copies of the ones before them, in place; returns `chosen`.

    Most relations are followed by a copy that fits nothing: just its anchor is absent, or just its relation is untrue.
    Most expressions of `kinds` ("order", "motion" or "event") are followed by one of those `offered` with the same kind
    and candidates, but another target or none: the second mug by the third, or by the fourth of three. A copy always
    stands behind its original, and nothing is copied twice.
    """
    index = 0
    while index + 1 < len(chosen):
        copy = _near_copy(chosen[index], rng, offered, kinds)
        if copy:
            chosen[index + 1] = copy
        index += 2 if copy else 1
    return chosen


def _near_copy(
    phrase: Phrase, rng: np.random.Generator, offered: Sequence[Phrase], kinds: Sequence[str]
) -> Phrase | None:
    """See `contrasted`; None if there is no such copy, and in a fifth of the cases."""
    lot = rng.random()
    if phrase.swapped and lot < 0.4:
        return Phrase(phrase.swapped, "absent", None, phrase.candidates, phrase.anchors[1:], reason="anchor")
    if phrase.untrue and lot < 0.8:
        text = phrase.untrue[int(rng.integers(len(phrase.untrue)))]
        return Phrase(text, "absent", None, phrase.candidates, phrase.anchors, reason="relation")
    if phrase.kind not in kinds or lot >= 0.8:
        return None
    like = [
        other
        for other in offered
        if phrase.kind in (other.kind, other.reason)
        and set(other.candidates) == set(phrase.candidates)
        and other.target != phrase.target
    ]
    return like[int(rng.integers(len(like)))] if like else None
