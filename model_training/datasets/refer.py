"""UNC, UNC+ and G-Ref: `refs(SPLIT).p` and `instances.json` beside each other, images of COCO elsewhere."""

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
}
"""(folder, who made the splits) -> what papers call it."""

IMAGE_FOLDERS = (
    "images", "train2014", "../images/mscoco/images/train2014", "../images/train2014", "../train2014",
    "../../train2014", "../../images/train2014", "../coco/train2014",
)  # fmt: skip
"""Where the images are looked for, from the folder of `instances.json`."""


class Refer(Reader):
    """One `refs` file: `refs(unc).p` or the same list as JSON, `refs.json`. A record is an image with all its
    expressions of one split; a thing referred to has one mask and several sentences.

    Args:
        refs: path of the `refs` file; `instances.json` lies beside it.
        images: folder of the images, if it is none of IMAGE_FOLDERS.

    Raises:
        ValueError, OSError: the message names the file.
    """

    def __init__(self, refs: Path, images: Path | None = None) -> None:
        self.folder = refs.parent
        self._refs_file, self._instances_file = refs, self.folder / "instances.json"
        listed = read_json(refs, "a list of refs") if refs.suffix == ".json" else load_plain(expected(refs, "refs"))
        instances = read_json(self._instances_file, "images and annotations of COCO")
        maker = refs.stem.removeprefix("refs").strip("()")
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
        self.records = tuple(
            self._record(split, image, parts, annotations, names) for (split, image), parts in grouped.items()
        )

    def _record(
        self, split: str, image: Any, refs: list[dict[str, Any]], annotations: dict, names: dict[Any, str]
    ) -> Record:
        expressions, codes = [], []
        for row, ref in enumerate(refs):
            try:
                sentences, annotation = ref["sentences"], annotations[ref["ann_id"]]
                expressions += [Expression(str(of["sent"]), str(of["sent_id"]), row) for of in sentences]
                height, width = self._sizes[image]
            except (KeyError, TypeError) as error:
                ids = f"ref {ref.get('ref_id')}, image {image}, annotation {ref.get('ann_id')}"
                files = f"{self._refs_file} and {self._instances_file.name}"
                raise ValueError(f"{files} do not belong together: {ids}: there is no {error}") from None
            try:
                codes.append((coco_masks.encode(annotation["segmentation"], height, width), height, width))
            except (KeyError, ValueError) as error:
                where = f"{self._instances_file}, annotation {ref['ann_id']}"
                raise ValueError(f"{where}: no segmentation of COCO ({error})") from None
        frames = ImageFiles((Path(self._images or self.folder) / names[image],))
        return Record(f"{split}/{image}", split, tuple(expressions), frames, truth=tuple(codes))

    def masks(self, record: Record) -> np.ndarray:
        """See `Reader.masks`."""
        return np.stack([coco_masks.decode(*code) for code in record.truth or ()])

    def truth_files(self, record: Record) -> tuple[Path, ...]:
        """See `Reader.truth_files`."""
        return (self._refs_file, self._instances_file)


def refs_files(folder: Path) -> list[Path]:
    """The `refs` files in a folder."""
    return sorted([*folder.glob("refs(*).p"), *folder.glob("refs(*).json"), *folder.glob("refs.json")])


def _dicts(listed: Any, path: Path) -> list[dict[str, Any]]:
    if not isinstance(listed, list) or not all(isinstance(ref, dict) for ref in listed):
        raise ValueError(f"{path}: not a list of refs")
    return listed
