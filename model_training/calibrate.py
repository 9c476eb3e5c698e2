"""Choose a bundle's verdicts and the certainty behind its scores: `python -m model_training.calibrate BUNDLE`.

The score becomes the probability that an answer is right, as learned from answers about scenes that neither training
nor evaluation uses. An answer is FOUND if it is more likely right than wrong, NOT_FOUND if its presence is so low that
only a share ACCEPTED of the things that are there have less, and else UNCERTAIN.

With `--real DIR` it learns from real pictures with labels instead; training must not have seen them.

With `--like MODEL` it takes those of another model, from whose weights this one went on.

Figures in the manifest that were measured with other thresholds or another certainty are removed.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from model_training.scoring.certainty import fit
from model_training.scoring.findings import Findings
from model_training.scoring.real import scored_folders
from model_training.scoring.reliability import Claim
from model_training.scoring.scenes import Evaluation
from refseg_ros.answer import probability, score_of
from refseg_ros.command import command, program, refuse_without_effect
from refseg_ros.engines.bundle import MANIFEST, Bundle
from refseg_ros.engines.manifest import Certainty, Thresholds
from refseg_ros.files import write_bytes
from refseg_ros.segmenter import Segmenter

ACCEPTED = 0.04
"""Share of present things that may be called absent."""
FOUND = 0.5
"""Least probability of being right of an answer that is called found."""
FIRST_SEED, EXPRESSIONS = 6_000_000, 3000


def calibrated(sets: Sequence[Sequence[Claim]], mask: float) -> tuple[Thresholds, Certainty]:
    """Choose thresholds and certainty by the answers of a model.

    Args:
        sets: claims of a model with thresholds `absent` and `found` of 0; each set has the same weight in the
            certainty.
        mask: the threshold of a mask's pixels.

    Raises:
        ValueError: no claim is about a thing that is there, or the answers are all right or all wrong.
    """
    present = [probability(claim.evidence.presence) for claims in sets for claim in claims if claim.there]
    if not present:
        raise ValueError("the pictures need expressions about what is there")
    return Thresholds(mask, absent=round(float(np.quantile(present, ACCEPTED)), 4), found=FOUND), fit(sets)


@command()
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path, help="folder or name of the model")
    parser.add_argument(
        "--real", type=Path, metavar="DIR", action="append", default=[],
        help="real pictures with labels, to choose on instead of simulated scenes; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--like", type=Path, metavar="MODEL",
        help="folder or name of the model that this one went on from, whose verdicts and certainty are taken",
    )  # fmt: skip
    parser.add_argument(
        "--set", action="append", help="split of these; may be repeated (default: all that training learns nothing of)"
    )
    options = parser.parse_args(arguments)
    bundle = Bundle.load(options.bundle)
    if options.like:
        refuse_without_effect(parser, options, ("real", "set"), "with --like")
        other = Bundle.load(options.like).manifest
        _write(bundle, other.thresholds, other.certainty)
        return 0
    everything = dataclasses.replace(bundle.manifest.thresholds, absent=0.0, found=0.0)
    sets: list[list[Claim]] = []
    if options.real:
        segmenter = Segmenter(bundle.folder, thresholds=everything)
        for pictures, scores in scored_folders(segmenter, options.real, options.set):
            print(f"{pictures.title}: {len(scores.claims)} answers to learn from")
            sets.append(scores.claims)
    else:
        refuse_without_effect(parser, options, ("set",), "without --real")
        evaluation = Evaluation(bundle.folder, "held_out", FIRST_SEED)
        evaluation.segmenter.thresholds = everything
        sets.append(Findings.merged(evaluation.run(EXPRESSIONS)).claims)
    thresholds, certainty = calibrated(sets, everything.mask)
    _write(bundle, thresholds, certainty)
    for line in _report([claim for claims in sets for claim in claims], thresholds, certainty):
        print(line)
    return 0


def _write(bundle: Bundle, thresholds: Thresholds, certainty: Certainty) -> None:
    """Replace verdicts and certainty, and remove figures that were measured with others."""
    before = bundle.manifest
    after = dataclasses.replace(before, thresholds=thresholds, certainty=certainty)
    if after != before and before.metrics:
        told = "the figures in it were measured with other thresholds and are removed"
        again = "run quantize again if you did, then evaluate --write"
        print(f"{bundle.folder / MANIFEST}: {told}; {again}", file=sys.stderr)
        after = dataclasses.replace(after, metrics={})
    write_bytes(bundle.folder / MANIFEST, after.dump().encode())


def _report(claims: Sequence[Claim], thresholds: Thresholds, certainty: Certainty) -> list[str]:
    """What the verdicts mean for the answers that they were learned from; `claim.found` is FOUND whatever the score."""
    lost = np.array([probability(claim.evidence.presence) < thresholds.absent for claim in claims])
    found = ~lost & [claim.found and score_of(claim.evidence, certainty) >= thresholds.found for claim in claims]
    there, right = (np.array([getattr(claim, name) for claim in claims]) for name in ("there", "right"))
    shares = [
        ("of what is there", "called absent", there, lost),
        ("of what is not there", "called absent", ~there, lost),
        ("of what is not there", "called found", ~there, found),
        ("of the right answers", "called found", right, found),
        ("of what is called found", "right", found, right),
    ]
    return [f"{flags[among].mean():.1%} {whole} is {what}" for whole, what, among, flags in shares if among.any()]


if __name__ == "__main__":
    sys.exit(main())
