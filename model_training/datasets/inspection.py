"""What is in a data set: images, expressions and words, counted, and whether all its images are there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model_training.datasets.sample import Reader, Record
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
    """Masks: things that are referred to, counted in each frame; those of which a mask is published."""
    expressions: int
    words: int
    distinct_words: int
    long: int
    """Expressions of more than LONG words."""
    masked: bool
    """Whether masks are published."""


TOGETHER = "together"
"""The row of all splits; what stands in several of them counts once."""


def count(reader: Reader) -> list[SplitCounts]:
    """The figures of each split, and last those of TOGETHER."""
    return [*(_count(split, reader.of_split(split)) for split in reader.splits), _count(TOGETHER, reader.records)]


def _count(split: str, records: Sequence[Record]) -> SplitCounts:
    images: set[object] = set()
    things: set[object] = set()
    told: dict[object, str] = {}
    for record in records:
        image = record.frames if len(record.frames) == 1 else record.id
        images.add(image)
        for of in record.expressions:
            told[image, of.id] = of.text
            if record.truth and record.truth[of.referent] is not None:
                things.add((image, record.truth[of.referent]))
    texts = Counter(told.values())
    words = {text: tokenise(text) for text in texts}
    return SplitCounts(
        split,
        len(images),
        len(things),
        len(told),
        sum(len(words[text]) * times for text, times in texts.items()),
        len({word for found in words.values() for word in found}),
        sum(times for text, times in texts.items() if len(words[text]) > LONG),
        any(record.truth is not None for record in records),
    )


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
