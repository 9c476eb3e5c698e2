"""The results of evaluation on simulated scenes, and the figures computed from them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from model_training.scoring.metrics import THRESHOLDS, Scores
from model_training.scoring.reliability import Claim, found_and_right
from refseg_ros.simulation.phrases import KINDS

FITTING = tuple(kind for kind in KINDS if kind != "absent")
"""Kinds of expressions with a referent in the scene."""
CONTROLS = ("constant", "clip", "still")


@dataclass
class Findings:
    """Results of the answers about one scene or many."""

    kinds: dict[str, Scores] = field(default_factory=lambda: {kind: Scores() for kind in FITTING})
    """Per kind of expression: the answers' masks; empty if the model says that nothing fits."""
    shown: dict[str, Scores] = field(default_factory=lambda: {name: Scores() for name in CONTROLS})
    """Masks, whatever the verdict: of a constant expression; of motion expressions with the clip and on one frame."""
    kept: list[bool] = field(default_factory=list)
    """For expressions that fit: whether not called absent."""
    told: dict[str, list[bool]] = field(default_factory=dict)
    """For expressions that nothing fits, by reason: whether called absent."""
    claims: list[Claim] = field(default_factory=list)
    """Those of the answers that say where the thing is."""
    swapped: list[bool] = field(default_factory=list)
    """For relations with an absent anchor instead of their own: whether called absent."""

    @classmethod
    def merged(cls, parts: Iterable[Findings]) -> Findings:
        """The findings about several scenes together."""
        parts = list(parts)
        reasons = {reason for part in parts for reason in part.told}
        return cls(
            kinds={kind: Scores.merged(part.kinds[kind] for part in parts) for kind in FITTING},
            shown={name: Scores.merged(part.shown[name] for part in parts) for name in CONTROLS},
            kept=[flag for part in parts for flag in part.kept],
            told={reason: [flag for part in parts for flag in part.told.get(reason, ())] for reason in reasons},
            claims=[claim for part in parts for claim in part.claims],
            swapped=[flag for part in parts for flag in part.swapped],
        )

    def figures(self) -> dict[str, float]:
        """Figures by name; a figure without samples is left out."""
        whole = Scores.merged(self.kinds.values())
        named = {"overall IoU": whole.overall, "mean IoU": whole.mean}
        named |= {f"P@{threshold}": whole.precision(threshold) for threshold in THRESHOLDS}
        named |= {f"mean IoU, {kind}": scores.mean for kind, scores in self.kinds.items()}
        named["present called absent"] = 1 - _share(self.kept)
        named["absent told"] = _share(flag for flags in self.told.values() for flag in flags)
        named |= {f"absent told, no such {reason}": _share(flags) for reason, flags in sorted(self.told.items())}
        named["right, of those called FOUND"] = found_and_right(self.claims)
        named["control: anchor swapped, absent told"] = _share(self.swapped)
        named["control: constant expression, mean IoU"] = self.shown["constant"].mean
        named["motion, clip minus one frame, mean IoU"] = self.shown["clip"].mean - self.shown["still"].mean
        named["expressions"] = len(self.kept) + sum(map(len, self.told.values()))
        return {name: round(float(value), 4) for name, value in named.items() if not math.isnan(value)}


def _share(flags: Iterable[bool]) -> float:
    flags = list(flags)
    return sum(flags) / len(flags) if flags else float("nan")
