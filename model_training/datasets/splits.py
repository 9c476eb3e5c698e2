"""What the names of splits mean: what training learns, and what it has not seen."""

from __future__ import annotations

from collections.abc import Sequence

from model_training.datasets.sample import Reader, Record

LEARNED = ("train", "trainval")
"""Names of the splits that training learns."""
VALIDATION = ("val", "valid", "validation", "dev")
"""Names that data sets give to the split for validation."""


def unlearned(splits: Sequence[str], learned: Sequence[str] = LEARNED) -> tuple[str, ...]:
    """The splits of a data set that have nothing in common with the learned ones; splits for validation come first."""
    taken = {part for split in learned if split in splits for part in _parts(split)}
    return tuple(
        sorted((split for split in splits if not taken & _parts(split)), key=lambda one: one not in VALIDATION)
    )


def to_validate(reader: Reader, learned: str) -> str:
    """The split that shows how well a network does that learns another one; that one itself if there is no other."""
    return next((name for name in unlearned(reader.splits, (learned,)) if reader.is_published(name)), learned)


def to_score(splits: Sequence[str], wanted: Sequence[str] | None) -> tuple[str, ...]:
    """Which splits of a data set to score.

    Args:
        splits: of the data set.
        wanted: their names; any name of VALIDATION means the data set's own split for validation. None: all that
            training does not learn, or all if it learns all.
    """
    if wanted is None:
        return unlearned(splits) or tuple(splits)
    own = next((split for split in splits if split in VALIDATION), None)
    return tuple(own if own and name in VALIDATION and name not in splits else name for name in wanted)


def records_to_score(reader: Reader, wanted: Sequence[str] | None) -> dict[str, tuple[Record, ...]]:
    """The records of each split of a data set to score; `wanted` as in `to_score`.

    Raises:
        ValueError: there is no such split, or its masks are not published.
    """
    found = {split: reader.of_split(split) for split in to_score(reader.splits, wanted)}
    for split in found:
        if not reader.is_published(split):
            raise ValueError(f"{reader.folder}: the masks of the split {split} of {reader.name} are not published")
    return found


def described(split: str, splits: Sequence[str], learned: Sequence[str] = LEARNED) -> str:
    """The name of a split of a data set, and whether training learns it or a part of it."""
    if split in unlearned(splits, learned):
        return split
    return f"{split} (training data)" if split in learned else f"{split} (part of trainval)"


def _parts(split: str) -> set[str]:
    return {"train", *VALIDATION} if split == "trainval" else {split}
