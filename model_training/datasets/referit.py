"""ReferIt, prepared for segmentation: `referit_query_SPLIT.json`, images, and a `.mat` mask per thing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from model_training.datasets.files import as_text, first_existing, read_json, read_text
from model_training.datasets.frames import ImageFiles
from model_training.datasets.matlab import read_matrix
from model_training.datasets.sample import Expression, Reader, Record

WHAT = "ReferIt: referit_query_trainval.json, referit_query_test.json, images/ and mask/"


class ReferIt(Reader):
    """All query files of a folder; each is a split. A record is an image with all its referents.

    `trainval` is the union of `train` and `val`.

    Args:
        folder: holds the query files (possibly in `data/`), and `images/` and `mask/` (possibly in `referit-dataset/`).

    Raises:
        ValueError, OSError: the message names the file.
    """

    name = "ReferIt"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        queries = query_files(folder)
        if not queries:
            raise FileNotFoundError(f"{folder / 'referit_query_trainval.json'}: expected, but not there ({WHAT})")
        images = first_existing([folder / "images", folder / "referit-dataset" / "images"], WHAT)
        self._masks = first_existing([folder / "mask", folder / "referit-dataset" / "mask"], WHAT)
        self.records = tuple(record for path in queries for record in self._of_file(path, images))

    def _of_file(self, path: Path, images: Path) -> list[Record]:
        split = path.stem.removeprefix("referit_query_")
        queries = read_json(path, WHAT)
        if not isinstance(queries, dict):
            raise ValueError(f"{path}: not a dictionary of expressions ({WHAT})")
        listed = path.with_name(f"referit_{split}_imlist.txt")
        allowed = set(read_text(listed, WHAT).split()) if listed.exists() else None
        grouped: dict[str, dict[str, list[str]]] = {}
        for name, texts in queries.items():
            image, found, number = name.partition("_")
            if not found or not number or not isinstance(texts, list):
                raise ValueError(f'{path}: {name!r} is not of the form "IMAGE_NUMBER": [expressions]')
            try:
                said = [as_text(text) for text in texts]
            except ValueError as error:
                raise ValueError(f"{path}: {name}: {error}") from None
            if allowed is not None and image not in allowed:
                raise ValueError(f"{listed}: has no image {image}, but {path.name} has {name}; which split is it?")
            grouped.setdefault(image, {})[name] = said
        return [
            Record(
                f"{split}/{image}",
                split,
                tuple(
                    Expression(text, f"{name}/{number}", row)
                    for row, (name, texts) in enumerate(things.items())
                    for number, text in enumerate(texts)
                ),
                ImageFiles((images / f"{image}.jpg",)),
                truth=tuple(things),
            )
            for image, things in grouped.items()
        ]

    def masks(self, record: Record) -> np.ndarray:
        """See `Reader.masks`. In `segimg_t` the thing is 0."""
        return np.stack([read_matrix(path, "segimg_t", (2,)) == 0 for path in self.truth_files(record)])

    def truth_files(self, record: Record) -> tuple[Path, ...]:
        """See `Reader.truth_files`."""
        return tuple(self._masks / f"{name}.mat" for name in record.truth or ())


def query_files(folder: Path) -> list[Path]:
    """The query files of a folder or else of its `data/`, without the one that joins all splits."""
    for place in (folder, folder / "data"):
        found = sorted(path for path in place.glob("referit_query_*.json") if path.stem != "referit_query_all")
        if found:
            return found
    return []
