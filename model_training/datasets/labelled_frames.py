"""Real frames whose label images say what is where, as YCB-Video and the Amazon Picking Challenge have them.

Expressions are made from the names of the labels: "the mug", or the whole name where several end alike; and for each
label that a frame does not have, one that fits nothing. The shelf's frames bring expressions that people wrote.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

import numpy as np

from model_training.datasets.files import read_json
from model_training.datasets.frames import ImageFiles
from model_training.datasets.mask_files import read_ids
from model_training.datasets.sample import Expression, Reader, Record

LABELS, SHELF = "labels.json", "labels_and_expressions.json"
SPLIT = "test"


class LabelledFrames(Reader):
    """A folder with LABELS and, in folders of scenes, `N-color.jpg`, `N-label.png`; or with SHELF, `color/`, `segm/`.

    Raises:
        ValueError, OSError: the message names the file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder, f"labelled frames of {folder.resolve().name}"
        if (folder / SHELF).exists():
            objects = read_json(folder / SHELF, "names and expressions of labels")["objects"]
            said = {int(value): tuple(thing["expressions"]) for value, thing in objects.items()}
            images = sorted((folder / "color").glob("*.color.png"))
            pairs = [(path, folder / "segm" / path.name.replace(".color.", ".segm.")) for path in images]
            self.records = tuple(self._record(path, label, dict(said)) for path, label in pairs)
        else:
            names = {int(value): name for value, name in read_json(folder / LABELS, "names of labels").items()}
            images = sorted(folder.glob("*/*-color.jpg"))
            pairs = [(path, path.with_name(path.name.replace("-color.jpg", "-label.png"))) for path in images]
            self.records = tuple(self._record(path, label, _named(names, label)) for path, label in pairs)
        if not self.records:
            raise ValueError(f"{folder}: has names of labels, but no frames")

    def _record(self, image: Path, label: Path, said: dict[int, tuple[str, ...]]) -> Record:
        values = list(said)
        expressions = tuple(
            Expression(text, f"{value} {number}", row)
            for row, value in enumerate(values)
            for number, text in enumerate(said[value])
        )
        truth = tuple((label, value) for value in values)
        return Record(str(image.relative_to(self.folder)), SPLIT, expressions, ImageFiles((image,)), truth=truth)

    def masks(self, record: Record) -> np.ndarray:
        """See `Reader.masks`."""
        return np.stack([read_ids(label) == value for label, value in record.truth or ()])

    def thing_of(self, record: Record, row: int) -> Hashable:
        """See `Reader.thing_of`: any of the labels, because a frame lacks most of them on purpose."""
        return "labels"


def _named(names: dict[int, str], label: Path) -> dict[int, tuple[str, ...]]:
    """What is said of each label of a frame, and of those whose noun fits nothing that is labelled there."""
    there = {int(value) for value in np.unique(read_ids(label))} & set(names)
    nouns = [_noun(names[value]) for value in there]
    said = {}
    for value, name in names.items():
        unique = nouns.count(_noun(name)) == 1
        if value in there:
            said[value] = (f"the {_noun(name)}" if unique else f"the {name.replace('_', ' ')}",)
        elif _noun(name) not in nouns:
            said[value] = (f"the {_noun(name)}",)
    return said


def _noun(name: str) -> str:
    """pitcher_base is a pitcher, tuna_fish_can a can."""
    return name.removesuffix("_base").rpartition("_")[2]
