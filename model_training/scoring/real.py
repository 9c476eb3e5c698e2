"""Scores the verdicts of a bundle on real pictures, as a robot would get them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from tqdm import tqdm

from model_training.datasets.formats import open_folder
from model_training.datasets.naming import names_apart
from model_training.datasets.sample import Reader, Record
from model_training.datasets.splits import described, records_to_score
from model_training.scoring.metrics import Scores
from model_training.scoring.reliability import Claim, claims, found_and_right
from refseg_ros.answer import Verdict
from refseg_ros.segmenter import Segmenter


@dataclass
class RealScores:
    """Scores of the answers about some pictures."""

    present: Scores = field(default_factory=Scores)
    """Masks of what is there; empty where the answer has none."""
    verdicts: dict[bool, list[Verdict]] = field(default_factory=lambda: {True: [], False: []})
    """For expressions that fit a thing (True) and that fit nothing."""
    claims: list[Claim] = field(default_factory=list)
    """Those of the answers that say where the thing is."""

    def figures(self) -> dict[str, float]:
        """Each figure by its name, shares in [0, 1]; a figure without samples is left out."""
        there, absent = self.verdicts[True], self.verdicts[False]
        figures: dict[str, float] = {"present": len(there), "absent": len(absent)}
        if there:
            figures |= {"P@0.5": self.present.precision(0.5), "mean IoU": self.present.mean}
            figures["present called FOUND"] = there.count(Verdict.FOUND) / len(there)
            figures["present called absent"] = there.count(Verdict.NOT_FOUND) / len(there)
            figures["present not understood"] = there.count(Verdict.NOT_UNDERSTOOD) / len(there)
        if absent:
            figures["absent called FOUND"] = absent.count(Verdict.FOUND) / len(absent)
        figures["right, of those called FOUND"] = found_and_right(self.claims)
        return {name: round(float(value), 4) for name, value in figures.items() if not math.isnan(value)}


@dataclass(frozen=True)
class Pictures:
    """The pictures of a data set that are asked about."""

    reader: Reader
    name: str
    """Unique among the data sets."""
    splits: tuple[str, ...]
    records: tuple[Record, ...]

    @property
    def title(self) -> str:
        """The name and the splits, and which of these training learns."""
        return f"{self.name}, {' and '.join(described(split, self.reader.splits) for split in self.splits)}"


def scored_really(segmenter: Segmenter, pictures: Pictures) -> RealScores:
    """Ask a model about pictures; each is a stream of its own.

    Raises:
        ValueError, OSError: a file cannot be read; the message names it.
    """
    scores = RealScores()
    for record in tqdm(pictures.records, unit="picture"):
        sample, stream = pictures.reader.load(record), segmenter.stream()
        stream.observe(sample.frames[-1], 0.0)
        answers = stream.answer([expression.text for expression in record.expressions])
        for index, answer in enumerate(answers):
            truth = sample.mask_of(index)
            present = bool(truth.any())
            scores.verdicts[present].append(answer.verdict)
            scores.claims += claims(answer, truth)
            if present:
                scores.present.add(answer.mask > 0, truth)
    return scores


def scored_folders(
    segmenter: Segmenter, folders: Iterable[Path], splits: Sequence[str] | None = None, images: Path | None = None
) -> Iterator[tuple[Pictures, RealScores]]:
    """Score folders of pictures with `scored_really`. All are opened before the first is scored.

    Args:
        segmenter: the model.
        folders: in any known format.
        splits: as in `to_score`.
        images: folder of COCO's images, if not in a usual place.

    Raises:
        ValueError, OSError: as there, or a folder has no such split with published masks, or is given twice.
    """
    readers = [reader for folder in folders for reader in open_folder(folder, images)]
    asked = []
    for reader, name in zip(readers, names_apart(readers), strict=True):
        found = records_to_score(reader, splits)
        asked.append(Pictures(reader, name, tuple(found), tuple(chain.from_iterable(found.values()))))
    for pictures in asked:
        yield pictures, scored_really(segmenter, pictures)
