"""UNC, UNC+, G-Ref and gRefCOCO: `refs(SPLIT).p` beside `instances.json`, and COCO's images elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from model_training.datasets import coco_masks
from model_training.datasets.files import as_text, expected, read_json
from model_training.datasets.frames import ImageFiles
from model_training.datasets.instances import INSTANCES, Instances, image_folder
from model_training.datasets.plain_pickle import load_plain
from model_training.datasets.sample import Expression, Reader, Record

NAMES = {
    ("refcoco", "unc"): "UNC",
    ("refcoco", "google"): "RefCOCO (google)",
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
        self.folder, self.refs = refs.parent, refs
        listed = read_json(refs, "a list of refs") if refs.suffix == ".json" else load_plain(expected(refs, "refs"))
        instances = Instances(self.folder / INSTANCES)
        maker = refs.stem.removeprefix("g").removeprefix("refs").strip("()")
        kind = self.folder.resolve().name
        self.name = NAMES.get((kind.lower(), maker), f"{kind} in the format of RefCOCO" + (maker and f", {maker}"))
        grouped: dict[tuple[str, Any], list[dict[str, Any]]] = {}
        for ref in _dicts(listed, refs):
            grouped.setdefault(self._place(ref, instances), []).append(ref)
        places = [images] if images else [self.folder / place for place in IMAGE_FOLDERS]
        for _, image in list(grouped)[:1]:
            first = instances.image(image).file_name
            self._images = image_folder(first, places, "the first image of the data set")
        self._shapes: dict[str, tuple[int, int]] = {}
        self.records = tuple(self._record(split, image, parts, instances) for (split, image), parts in grouped.items())

    def _place(self, ref: dict[str, Any], instances: Instances) -> tuple[str, Any]:
        """Split and image of a ref."""
        image = ref.get("image_id")
        try:
            split = as_text(ref.get("split"))
        except ValueError as error:
            raise ValueError(f"{self.refs}, ref {ref.get('ref_id')}: its split {error}") from None
        if not instances.has_image(image):
            raise self._apart(ref, f"no image {image!r}")
        return split, image

    def _record(self, split: str, image: Any, refs: list[dict[str, Any]], instances: Instances) -> Record:
        listed = instances.image(image)
        height, width = listed.height, listed.width
        expressions: list[Expression] = []
        codes: list[tuple[bytes, int, int] | None] = []
        for row, ref in enumerate(refs):
            expressions += self._expressions(ref, row)
            parts = [listed.outline(*thing) for thing in self._things(ref, image, instances)]
            codes.append((coco_masks.union(parts, height, width), height, width) if parts else None)
        frames = ImageFiles((self._images / listed.file_name,))
        name = f"{split}/{image}"
        self._shapes[name] = (height, width)
        return Record(name, split, tuple(expressions), frames, truth=tuple(codes))

    def _expressions(self, ref: dict[str, Any], row: int) -> list[Expression]:
        try:
            return [Expression(as_text(one["sent"]), str(one["sent_id"]), row) for one in ref["sentences"]]
        except (KeyError, TypeError, ValueError) as error:
            where = f"{self.refs}, ref {ref.get('ref_id')}"
            raise ValueError(f"{where}: not a list of sentences with sent and sent_id ({error})") from None

    def _things(self, ref: dict[str, Any], image: Any, instances: Instances) -> list[tuple[Any, dict[str, Any]]]:
        """(id, annotation) of the things that a ref is about."""
        if "ann_id" not in ref:
            raise ValueError(f"{self.refs}, ref {ref.get('ref_id')}: without ann_id")
        numbers = ref["ann_id"] if isinstance(ref["ann_id"], list) else [ref["ann_id"]]
        found = []
        for number in numbers:
            if number in NO_TARGET:
                continue
            thing = instances.annotation(number)
            if thing is None:
                raise self._apart(ref, f"no annotation {number!r}")
            if thing["image_id"] != image:
                raise self._apart(ref, f"annotation {number} of image {thing['image_id']}")
            found.append((number, thing))
        return found

    def _apart(self, ref: dict[str, Any], there: str) -> ValueError:
        ids = f"ref {ref.get('ref_id')}, image {ref.get('image_id')}, annotation {ref.get('ann_id')}"
        return ValueError(f"{self.refs} and {INSTANCES} do not belong together: {ids}: there is {there}")

    def masks(self, record: Record) -> np.ndarray:
        """See `Reader.masks`."""
        nothing = np.zeros(self._shapes[record.id], bool)
        return np.stack([coco_masks.decode(*code) if code else nothing for code in record.truth or ()])

    def truth_files(self, record: Record) -> tuple[Path, ...]:
        """See `Reader.truth_files`."""
        return (self.refs, self.folder / INSTANCES)


def refs_files(folder: Path) -> list[Path]:
    """The `refs` files in a folder."""
    patterns = ("refs(*).p", "refs(*).json", "refs.json", "grefs(*).p", "grefs(*).json")
    return sorted(path for pattern in patterns for path in folder.glob(pattern))


def _dicts(listed: Any, path: Path) -> list[dict[str, Any]]:
    if not isinstance(listed, list) or not all(isinstance(ref, dict) for ref in listed):
        raise ValueError(f"{path}: not a list of refs")
    return listed
