"""Choose a bundle's presence threshold: `python -m model_training.calibrate BUNDLE`.

On scenes that neither training nor evaluation uses, the verdict is NOT_FOUND below the score under which ACCEPTED of
the things that are there would be called absent.

`--real DIR` chooses on real pictures with labels instead, where no one score does: NOT_FOUND is below that score, FOUND
above the one over which WRONGLY_FOUND of what is not there would be called so, and UNCERTAIN between the two. What is
left of FOUND is UNCERTAIN below the mask score under which UNCLEAR of its right answers lie.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from model_training.scoring.findings import Findings
from model_training.scoring.real import scored_folders
from model_training.scoring.reliability import Claim
from model_training.scoring.scenes import Evaluation
from refseg_ros.command import command, program, refuse_without_effect
from refseg_ros.engines.bundle import MANIFEST, Bundle
from refseg_ros.engines.manifest import Thresholds
from refseg_ros.files import write_bytes
from refseg_ros.segmenter import Segmenter

ACCEPTED = 0.04
"""Share of present things that may be called absent."""
WRONGLY_FOUND = 0.05
"""Share of absent things that may be called found in real pictures."""
UNCLEAR = 0.2
"""Share of right answers that may be called uncertain for their mask. On photos a mask's mean probability tells right
answers from wrong ones better than the score does."""
UNCERTAIN = 0.1
"""Half the width of the band of scores, just above, in which the verdict is UNCERTAIN."""
FIRST_SEED, EXPRESSIONS = 6_000_000, 3000


def thresholds_for(present: list[float], mask: float) -> Thresholds:
    """Thresholds at which ACCEPTED of the answers to expressions that fit, with these scores, are NOT_FOUND."""
    boundary = float(np.quantile(present, ACCEPTED))
    return Thresholds(mask=mask, presence=round(min(boundary + UNCERTAIN, 1.0), 4), uncertain=UNCERTAIN)


def real_thresholds_for(present: list[float], absent: list[float], made: Sequence[Claim], mask: float) -> Thresholds:
    """Thresholds at which ACCEPTED of what fits is NOT_FOUND and WRONGLY_FOUND of what does not is FOUND, at most.

    Args:
        present: scores of expressions that fit.
        absent: scores of expressions that fit nothing.
        made: claims of a model that calls nothing NOT_FOUND.
        mask: the threshold of pixels.

    Raises:
        ValueError: there is none of the one or of the other.
    """
    if not present or not absent:
        raise ValueError("the pictures need expressions that fit and expressions that fit nothing")
    lowest, found = float(np.quantile(present, ACCEPTED)), float(np.quantile(absent, 1 - WRONGLY_FOUND))
    middle, half = (lowest + found) / 2, max(found - lowest, 0.0) / 2
    clear = [claim.mask_score for claim in made if claim.right and claim.score >= found] or [0.0]
    mask_score = float(np.quantile(clear, UNCLEAR))
    return Thresholds(mask=mask, presence=round(middle, 4), uncertain=round(half, 4), mask_score=round(mask_score, 4))


@command()
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path, help="folder of the model")
    parser.add_argument(
        "--real", type=Path, metavar="DIR", action="append", default=[],
        help="real pictures with labels, to choose on instead of simulated scenes; may be repeated",
    )  # fmt: skip
    parser.add_argument("--set", action="append", help="split of these; may be repeated (default: all but train)")
    options = parser.parse_args(arguments)
    bundle = Bundle.load(options.bundle)
    mask = bundle.manifest.thresholds.mask
    if options.real:
        segmenter = Segmenter(bundle.folder, thresholds=Thresholds(mask=mask, presence=0.0, uncertain=0.0))
        parts = [score for _, score in scored_folders(segmenter, options.real, options.set)]
        certainty = {fits: [score for part in parts for score in part.certainty[fits]] for fits in (True, False)}
        made = [claim for part in parts for claim in part.claims]
        chosen = real_thresholds_for(certainty[True], certainty[False], made, mask)
    else:
        refuse_without_effect(parser, options, ("set",), "without --real")
        certainty = Findings.merged(Evaluation(bundle.folder, "held_out", FIRST_SEED).run(EXPRESSIONS)).certainty
        chosen = thresholds_for(certainty[True], mask)
    text = dataclasses.replace(bundle.manifest, thresholds=chosen).dump()
    write_bytes(bundle.folder / MANIFEST, text.encode())
    lowest = chosen.presence - chosen.uncertain
    lost, told = (float(np.mean(np.array(certainty[fits]) < lowest)) for fits in (True, False))
    wrong = float(np.mean(np.array(certainty[False]) >= chosen.presence + chosen.uncertain))
    print(f"presence {chosen.presence:g}, uncertain {chosen.uncertain:g}: {lost:.1%} of what is there is called absent")
    print(f"of the rest {told:.1%} is called absent, and at most {wrong:.1%} found")
    if options.real:
        print(f"mask score {chosen.mask_score:g}: FOUND needs a mask whose pixels have this mean probability")
    return 0


if __name__ == "__main__":
    sys.exit(main())
