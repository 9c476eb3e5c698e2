"""Decodes every target frame and mask of a data set, and lists what would stop or mislead training."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from tqdm import tqdm

from model_training.datasets.sample import Expression, Reader, Record


def faults(reader: Reader) -> list[str]:
    """A line for each fault: a target frame or mask that is damaged or of another size, or a thing whose masks all show
    nothing or the whole image. Masks that all cover the borders of their images are a fault, too: they may be black on
    white.
    """
    found: list[str] = []
    shown: set[Hashable] = set()
    hidden: dict[Hashable, str] = {}
    around: list[bool] = []
    for record in tqdm(reader.records, unit="image", desc=reader.name, leave=False, disable=None):
        try:
            masks = reader.load(record).masks
        except (ValueError, OSError) as error:
            found.append(str(error))
            continue
        if masks is None or record.truth is None:
            continue
        asked = {one.referent: one for one in reversed(record.expressions)}
        for row in sorted(asked):
            thing, mask = reader.thing_of(record, row), masks[row]
            if mask.any() and not mask.all():
                shown.add(thing)
                around.append(bool(mask[[0, -1]].all() and mask[:, [0, -1]].all()))
            elif record.truth[row] is not None:
                hidden.setdefault(thing, _hidden(reader, record, asked[row], mask))
    if around and all(around):
        found.append(f"{reader.folder}: each mask covers its image's border all around; is their background not black?")
    return [*dict.fromkeys(found), *(line for thing, line in hidden.items() if thing not in shown)]


def _hidden(reader: Reader, record: Record, asked: Expression, mask: np.ndarray) -> str:
    """A line that names the file of a useless mask, and the expression about it."""
    path = reader.truth_files(record.narrowed([asked.referent]))[0]
    what = "the whole image; is its background not black?" if mask.any() else "nothing, as if it were not there"
    return f"{path}: the mask of {asked.text!r} ({record.id}, {asked.id}) shows {what}"
