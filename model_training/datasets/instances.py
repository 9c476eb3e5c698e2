"""`instances.json` in COCO's format: images, categories, annotations, checked for ids that lead nowhere."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model_training.datasets import coco_masks
from model_training.datasets.coco_masks import NoOutline
from model_training.datasets.files import as_text, first_existing, read_json, whole_number
from model_training.datasets.frames import exif_orientation, read_image
from refseg_ros.images.encodings import check_size

INSTANCES = "instances.json"


@dataclass(frozen=True)
class ListedImage:
    """An image of the list."""

    file_name: str
    """Relative to the folder of the images."""
    height: int
    """px."""
    width: int
    """px."""
    listed_in: Path
    """The file with the list."""

    def read(self, path: Path) -> np.ndarray:
        """Read the image from its file, (height, width, 3) uint8 RGB; its EXIF orientation is ignored, as in COCO.

        Raises:
            ValueError, OSError: it cannot be read, or has another size; the message names it.
        """
        rgb = read_image(path)
        if rgb.shape[:2] != (self.height, self.width):
            message = f"{path}: is {rgb.shape[1]}x{rgb.shape[0]}, {INSTANCES} says {self.width}x{self.height}"
            if rgb.shape[1::-1] == (self.height, self.width) and exif_orientation(path) > 4:
                message += "; its EXIF turns it, which COCO ignores: save the photo turned"
            raise ValueError(message)
        return rgb

    def outline(self, number: Any, annotation: dict[str, Any]) -> bytes:
        """The outline of one of its annotations as COCO's code, see `coco_masks.encode`; `number` is its id.

        Raises:
            NoOutline: it has none, only a box for example.
            ValueError: its segmentation is none of COCO. Both messages name the list and the annotation.
        """
        try:
            return coco_masks.encode(annotation.get("segmentation"), self.height, self.width)
        except ValueError as error:
            kind = NoOutline if isinstance(error, NoOutline) else ValueError
            raise kind(f"{self.listed_in}, annotation {number}: no segmentation of COCO ({error})") from None


class Instances:
    """The lists of a file. A field is checked only when it is used, because exporters leave many out.

    Attributes:
        annotations: (id, annotation) of each annotation of a listed image; its other fields are not checked.
        strays: how many annotations are of images that are not listed, as in a list that was cut down.

    Raises:
        ValueError, OSError: two different images have one id, or an image_id fits a listed image only as text ("7" for
            7); the message names the file and the image or annotation.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listed = read_json(path, "images and annotations of COCO")
        self._images = self._by_id("images")
        self._named = {str(number) for number in self._images}
        every = self._entries("annotations")
        self.annotations = [pair for pair in every if self._is_of_an_image(*pair)]
        self.strays = len(every) - len(self.annotations)
        self._by_number: dict[Any, dict[str, Any]] = {}
        self._shared: set[Any] = set()
        for number, annotation in self.annotations:
            if self._by_number.setdefault(number, annotation) != annotation:
                self._shared.add(number)

    def has_image(self, number: Any) -> bool:
        """Whether an image is listed; `number` may be any JSON value."""
        return is_in(self._images, number)

    def image(self, number: Any) -> ListedImage:
        """A listed image.

        Raises:
            ValueError: it has no name or size.
        """
        entry = self._images[number]
        try:
            name = as_text(entry.get("file_name"))
            height, width = (whole_number(entry.get(side), least=1) for side in ("height", "width"))
            check_size(height, width)
        except ValueError as error:
            raise ValueError(f"{self.path}, image {number}: needs a file_name, height and width ({error})") from None
        if not name.strip():
            raise ValueError(f"{self.path}, image {number}: its file_name is empty")
        return ListedImage(name, height, width, self.path)

    def file_names(self) -> dict[Any, str]:
        """Id -> file_name of the listed images that have one."""
        names = {number: entry.get("file_name") for number, entry in self._images.items()}
        return {number: name for number, name in names.items() if isinstance(name, str)}

    def annotation(self, number: Any) -> dict[str, Any] | None:
        """The annotation with an id; None where there is none.

        Raises:
            ValueError: there are two different ones.
        """
        if not is_in(self._by_number, number):
            return None
        if number in self._shared:
            raise ValueError(f"{self.path}: two of the annotations have the id {number!r}")
        return self._by_number[number]

    def categories(self) -> dict[Any, str]:
        """Id -> name of the categories.

        Raises:
            ValueError: there is no list of them, or one has no name, or the id of another.
        """
        found = {}
        for number, entry in self._by_id("categories").items():
            try:
                found[number] = as_text(entry.get("name"))
            except ValueError as error:
                raise ValueError(f"{self.path}, category {number}: its name {error}") from None
        return found

    def _is_of_an_image(self, number: Any, annotation: dict[str, Any]) -> bool:
        image = annotation.get("image_id")
        if is_in(self._images, image):
            return True
        if not isinstance(image, Hashable) or str(image) in self._named:
            raise ValueError(f"{self.path}, annotation {number}: its image_id {image!r} is not among the images")
        return False

    def _entries(self, part: str) -> list[tuple[Any, dict[str, Any]]]:
        entries = self._listed.get(part) if isinstance(self._listed, dict) else None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise ValueError(f"{self.path}: not annotations of COCO (no list of {part})")
        found = [(entry.get("id", f"number {index}"), entry) for index, entry in enumerate(entries, start=1)]
        for index, (number, _) in enumerate(found, start=1):
            if not isinstance(number, (int, float, str)):
                raise ValueError(f"{self.path}: number {index} of the {part} has the id {number!r}")
        return found

    def _by_id(self, part: str) -> dict[Any, dict[str, Any]]:
        found: dict[Any, dict[str, Any]] = {}
        for number, entry in self._entries(part):
            if found.setdefault(number, entry) != entry:
                raise ValueError(f"{self.path}: two of the {part} have the id {number!r}")
        return found


def is_in(table: dict[Any, Any], key: Any) -> bool:
    """Whether a table has a key, which may be any JSON value."""
    return isinstance(key, Hashable) and key in table


def image_folder(name: str, places: list[Path], what: str) -> Path:
    """The first of several folders that has the image `name`.

    Raises:
        FileNotFoundError: none has it; the message lists them.
    """
    found = first_existing([place / name for place in places], what)
    return next(place for place in places if place / name == found)
