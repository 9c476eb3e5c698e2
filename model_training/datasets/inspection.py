"""Counts the images, expressions and words of a data set, and finds missing files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model_training.datasets.sample import Reader, Record
from refseg_ros.expression import tokenise

LONG = 20
"""Most words of an expression that the paper's network reads."""


@dataclass(frozen=True)
class SplitCounts:
    """Counts of one split, or of all splits together."""

    split: str
    images: int
    """Target frames."""
    referents: int
    """Things with a published mask that are referred to, counted per frame."""
    expressions: int
    words: int
    distinct_words: int
    long: int
    """Expressions of more than LONG words."""
    masked: bool
    """Whether masks are published."""


TOGETHER = "together"
"""Row for all splits; samples in several splits count once."""


def count(reader: Reader) -> list[SplitCounts]:
    """The counts of each split, then those of TOGETHER."""
    return [*(_count(split, reader.of_split(split)) for split in reader.splits), _count(TOGETHER, reader.records)]


def _count(split: str, records: Sequence[Record]) -> SplitCounts:
    images: set[object] = set()
    things: set[object] = set()
    said: dict[object, str] = {}
    for record in records:
        image = record.frames if len(record.frames) == 1 else record.id
        images.add(image)
        for expression in record.expressions:
            said[image, expression.id] = expression.text
            if record.truth and record.truth[expression.referent] is not None:
                things.add((image, record.truth[expression.referent]))
    texts = Counter(said.values())
    words = {text: tokenise(text) for text in texts}
    return SplitCounts(
        split,
        len(images),
        len(things),
        len(said),
        sum(len(words[text]) * times for text, times in texts.items()),
        len({word for found in words.values() for word in found}),
        sum(times for text, times in texts.items() if len(words[text]) > LONG),
        any(record.truth is not None for record in records),
    )


def missing_files(reader: Reader) -> list[Path]:
    """Missing files of target frames and masks, in the order of the records."""
    wanted = (
        path
        for record in reader.records
        for path in (*record.frames.files([record.target]), *reader.truth_files(record))
    )
    return [path for path in dict.fromkeys(wanted) if not path.is_file()]


def report(reader: Reader) -> str:
    """The counts of a data set as a table."""
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
    return "\n".join([*lines, *(f"  {remark}" for remark in reader.remarks)])
