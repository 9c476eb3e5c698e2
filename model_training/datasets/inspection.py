"""What is in a data set: images, expressions and words, counted, and whether all its images are there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from model_training.datasets.sample import Reader
from refseg_ros.expression import tokenise

LONG = 20
"""Words of an expression that the paper's network reads."""


@dataclass(frozen=True)
class SplitCounts:
    """Figures of one split, or of all together."""

    split: str
    images: int
    """Target frames."""
    referents: int
    """Masks: things that are referred to, counted in each frame."""
    expressions: int
    words: int
    distinct_words: int
    long: int
    """Expressions of more than LONG words."""
    masked: bool
    """Whether masks are published."""


def count(reader: Reader) -> list[SplitCounts]:
    """The figures of each split, and last those of "all"."""
    counted = []
    for split in (*reader.splits, "all"):
        records = reader.records if split == "all" else reader.of_split(split)
        lengths: Counter[int] = Counter()
        words: set[str] = set()
        for text, times in Counter(of.text for record in records for of in record.expressions).items():
            found = tokenise(text)
            words.update(found)
            lengths[len(found)] += times
        counted.append(
            SplitCounts(
                split,
                len({record.frames if len(record.frames) == 1 else record.id for record in records}),
                len({(record.id, of.referent) for record in records for of in record.expressions}),
                sum(lengths.values()),
                sum(length * times for length, times in lengths.items()),
                len(words),
                sum(times for length, times in lengths.items() if length > LONG),
                any(record.truth is not None for record in records),
            )
        )
    return counted


def missing_files(reader: Reader) -> list[Path]:
    """Files of target frames and of masks that are not there, in the order of the records."""
    wanted = (
        path
        for record in reader.records
        for path in (*record.frames.files([record.target]), *reader.truth_files(record))
    )
    return [path for path in dict.fromkeys(wanted) if not path.is_file()]


def report(reader: Reader) -> str:
    """The figures of a data set as a table."""
    lines = [
        f"{reader.name}: {reader.folder}",
        f"  {'split':10} {'images':>9} {'things':>9} {'expressions':>12} {'words':>9} {'distinct':>9} {'over 20':>8}",
    ]
    counted = count(reader)
    for row in counted if len(counted) > 2 else counted[:1]:
        figures = (
            f"{row.images:9} {row.referents:9} {row.expressions:12} {row.words:9} {row.distinct_words:9} {row.long:8}"
        )
        lines.append(f"  {row.split:10} {figures}" + ("" if row.masked else "  no masks published"))
    return "\n".join(lines)
