"""Choose a bundle's presence threshold: `python -m model_training.calibrate BUNDLE`.

The verdict is NOT_FOUND below the score under which ACCEPTED of the things that are there would be called absent, on
scenes that neither training nor evaluation uses.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from model_training.evaluate import Evaluation
from model_training.scoring.findings import Findings
from refseg_ros.command import command, program
from refseg_ros.engines.bundle import MANIFEST, Bundle
from refseg_ros.engines.manifest import Thresholds
from refseg_ros.files import write_bytes

ACCEPTED = 0.04
"""Share of present things that may be called absent."""
UNCERTAIN = 0.1
"""Half the width of the band of scores, just above, in which the verdict is UNCERTAIN."""
FIRST_SEED, EXPRESSIONS = 6_000_000, 3000


def thresholds_for(present: list[float], mask: float) -> Thresholds:
    """Thresholds at which ACCEPTED of the answers to expressions that fit, with these scores, are NOT_FOUND."""
    boundary = float(np.quantile(present, ACCEPTED))
    return Thresholds(mask=mask, presence=round(min(boundary + UNCERTAIN, 1.0), 4), uncertain=UNCERTAIN)


@command()
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog=program(), description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path, help="folder of the model")
    options = parser.parse_args(arguments)
    certainty = Findings.merged(Evaluation(options.bundle, "held_out", FIRST_SEED).run(EXPRESSIONS)).certainty
    manifest = Bundle.load(options.bundle).manifest
    chosen = thresholds_for(certainty[True], manifest.thresholds.mask)
    text = dataclasses.replace(manifest, thresholds=chosen).dump()
    write_bytes(options.bundle / MANIFEST, text.encode())
    told = float(np.mean(np.array(certainty[False]) < chosen.presence - chosen.uncertain))
    print(f"presence {chosen.presence:g}: {ACCEPTED:.0%} of what is there is called absent, {told:.1%} of the rest")
    return 0


if __name__ == "__main__":
    sys.exit(main())
