"""UNC, UNC+, G-Ref and gRefCOCO: `refs(SPLIT).p` beside `instances.json`, and COCO's images elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from model_training.datasets import coco_masks
from model_training.datasets.files import expected, first_existing, read_json
from model_training.datasets.frames import ImageFiles
from model_training.datasets.plain_pickle import load_plain
from model_training.datasets.sample import Expression, Reader, Record

NAMES = {
    ("refcoco", "unc"): "UNC",
    ("refcoco+", "unc"): "UNC+",
    ("refcocog", "google"): "G-Ref (google)",
    ("refcocog", "umd"): "G-Ref (umd)",
    ("grefcoco", "unc"): "gRefCOCO",
}
"""(folder, author of the splits) -> name in papers."""

NO_TARGET = (-1, None)
"""Annotation ids that mean that nothing fits the expression; an empty list does, too."""

IMAGE_FOLDERS = (
    "images", "train2014", "../images/mscoco/images/train2014", "../images/train2014", "../train2014",
    "../../train2014", "../../images/train2014", "../coco/train2014",
)  # fmt: skip
"""Places to look for the images, relative to `instances.json`."""


class Refer(Reader):
    """A `refs` file: `refs(unc).p`, or the same list as JSON, `refs.json`.

    A record is an image with all its expressions of one split. A thing has one mask and several sentences. In gRefCOCO
    `ann_id` is a list: the mask is the union of the things in it; [-1] or an empty list means that nothing fits.

    Args:
        refs: path of the `refs` file, beside `instances.json`.
        images: folder of the images, if not one of IMAGE_FOLDERS.

    Raises:
        ValueError, OSError: the message names the file.
    """

    def __init__(self, refs: Path, images: Path | None = None) -> None:
        self.folder = refs.parent
        self._refs_file, self._instances_file = refs, self.folder / "instances.json"
        listed = read_json(refs, "a list of refs") if refs.suffix == ".json" else load_plain(expected(refs, "refs"))
        instances = read_json(self._instances_file, "images and annotations of COCO")
        maker = refs.stem.removeprefix("g").removeprefix("refs").strip("()")
        kind = self.folder.resolve().name
        self.name = NAMES.get((kind.lower(), maker), f"{kind} in the format of RefCOCO" + (maker and f", {maker}"))
        try:
            self._sizes = {image["id"]: (image["height"], image["width"]) for image in instances["images"]}
            names = {image["id"]: image["file_name"] for image in instances["images"]}
            annotations = {part["id"]: part for part in instances["annotations"]}
        except (KeyError, TypeError) as error:
            raise ValueError(f"{self._instances_file}: not annotations of COCO (no {error})") from None
        first = next((names[ref["image_id"]] for ref in _dicts(listed, refs) if ref.get("image_id") in names), None)
        places = [images] if images else [self.folder / place for place in IMAGE_FOLDERS]
        self._images = (
            images
            if first is None
            else first_existing([place / first for place in places], "the first image of the data set").parent
        )
        grouped: dict[tuple[str, Any], list[dict[str, Any]]] = {}
        for ref in listed:
            try:
                grouped.setdefault((ref["split"], ref["image_id"]), []).append(ref)
            except (KeyError, TypeError) as error:
                raise ValueError(f"{refs}: a ref without {error}") from None
        self._shapes: dict[str, tuple[int, int]] = {}
        self.records = tuple(
            self._record(split, image, parts, annotations, names) for (split, image), parts in grouped.items()
        )

    def _record(
        self, split: str, image: Any, refs: list[dict[str, Any]], annotations: dict, names: dict[Any, str]
    ) -> Record:
        expressions, codes = [], []
        for row, ref in enumerate(refs):
            try:
                sentences, annotation = ref["sentences"], ref["ann_id"]
                listed = annotation if isinstance(annotation, list) else [annotation]
                things = [annotations[id] for id in listed if id not in NO_TARGET]
                expressions += [Expression(str(one["sent"]), str(one["sent_id"]), row) for one in sentences]
                height, width = self._sizes[image]
            except (KeyError, TypeError) as error:
                ids = f"ref {ref.get('ref_id')}, image {image}, annotation {ref.get('ann_id')}"
                files = f"{self._refs_file} and {self._instances_file.name}"
                raise ValueError(f"{files} do not belong together: {ids}: there is no {error}") from None
            try:
                parts = [coco_masks.encode(thing["segmentation"], height, width) for thing in things]
            except (KeyError, ValueError) as error:
                where = f"{self._instances_file}, annotation {ref['ann_id']}"
                raise ValueError(f"{where}: no segmentation of COCO ({error})") from None
            codes.append((coco_masks.union(parts, height, width), height, width) if parts else None)
        frames = ImageFiles((Path(self._images or self.folder) / names[image],))
        name = f"{split}/{image}"
        self._shapes[name] = (height, width)
        return Record(name, split, tuple(expressions), frames, truth=tuple(codes))

    def masks(self, record: Record) -> np.ndarray:
        """See `Reader.masks`."""
        nothing = np.zeros(self._shapes[record.id], bool)
        return np.stack([coco_masks.decode(*code) if code else nothing for code in record.truth or ()])

    def truth_files(self, record: Record) -> tuple[Path, ...]:
        """See `Reader.truth_files`."""
        return (self._refs_file, self._instances_file)


def refs_files(folder: Path) -> list[Path]:
    """The `refs` files in a folder."""
    patterns = ("refs(*).p", "refs(*).json", "refs.json", "grefs(*).p", "grefs(*).json")
    return sorted(path for pattern in patterns for path in folder.glob(pattern))


def _dicts(listed: Any, path: Path) -> list[dict[str, Any]]:
    if not isinstance(listed, list) or not all(isinstance(ref, dict) for ref in listed):
        raise ValueError(f"{path}: not a list of refs")
    return listed
