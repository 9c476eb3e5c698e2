"""Real frames with label images, as in YCB-Video and the Amazon Picking Challenge.

Expressions are made from the names of the labels: "the mug", or the whole name if several in the frame have this noun.
A label whose noun the frame lacks gives one that fits nothing. People wrote the expressions of the shelf's frames.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np

from model_training.datasets.files import as_text, read_json, whole_number
from model_training.datasets.frames import ImageFiles
from model_training.datasets.mask_files import read_ids
from model_training.datasets.sample import Expression, Reader, Record
from refseg_ros.media.files import in_order

LABELS, SHELF = "labels.json", "labels_and_expressions.json"
SPLIT = "test"


class LabelledFrames(Reader):
    """A folder with LABELS and, in folders of scenes, `N-color.jpg`, `N-label.png`; or with SHELF, `color/`, `segm/`.

    Raises:
        ValueError, OSError: the message names the file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder, f"labelled frames of {folder.resolve().name}"
        if (path := folder / SHELF).exists():
            listed = read_json(path, "names and expressions of labels")
            objects = listed.get("objects") if isinstance(listed, dict) else None
            said = {value: _expressions(thing, path, value) for value, thing in _by_label(objects, path).items()}
            images = in_order((folder / "color").glob("*.color.png"))
            pairs = [(image, folder / "segm" / image.name.replace(".color.", ".segm.")) for image in images]
            self.records = tuple(self._record(image, label, said) for image, label in pairs)
        else:
            path = folder / LABELS
            listed = _by_label(read_json(path, "names of labels"), path)
            names = {value: _text(name, path, value) for value, name in listed.items()}
            scenes = in_order(scene for scene in folder.iterdir() if scene.is_dir())
            images = [image for scene in scenes for image in in_order(scene.glob("*-color.jpg"))]
            pairs = [(image, image.with_name(image.name.replace("-color.jpg", "-label.png"))) for image in images]
            self.records = tuple(self._record(image, label, _named(names, label)) for image, label in pairs)
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
        """See `Reader.thing_of`: one for all labels, because a frame lacks most of them on purpose."""
        return "labels"


def _by_label(listed: Any, path: Path) -> dict[int, Any]:
    """The entry of a file for each label."""
    if not isinstance(listed, dict):
        raise ValueError(f'{path}: not a table of labels, such as {{"1": ...}}')
    found: dict[int, Any] = {}
    for key, value in listed.items():
        try:
            label = whole_number(key, least=0)
        except ValueError as error:
            raise ValueError(f"{path}: the label {error}") from None
        if label in found:
            raise ValueError(f"{path}: has the label {label} twice")
        found[label] = value
    return found


def _expressions(thing: Any, path: Path, label: int) -> tuple[str, ...]:
    texts = thing.get("expressions") if isinstance(thing, dict) else None
    if not isinstance(texts, list):
        raise ValueError(f"{path}, label {label}: has no list of expressions")
    return tuple(_text(text, path, label) for text in texts)


def _text(value: Any, path: Path, label: int) -> str:
    try:
        return as_text(value)
    except ValueError as error:
        raise ValueError(f"{path}, label {label}: {error}") from None


def _named(names: dict[int, str], label: Path) -> dict[int, tuple[str, ...]]:
    """Expressions about each label of a frame, and about each label whose noun fits nothing labelled there."""
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
