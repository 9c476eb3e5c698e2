"""`instances.json` in COCO's format: images, categories, annotations, checked for ids that lead nowhere."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_training.datasets.files import as_text, first_existing, read_json, whole_number
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


class Instances:
    """The lists of a file, by id.

    Attributes:
        images: id -> image.
        annotations: id -> annotation, of an image that is listed; what else it has is not checked.

    Raises:
        ValueError, OSError: the message names the file and the image or annotation: an id that is there twice, or leads
            nowhere, or an image without name and size.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listed = read_json(path, "images and annotations of COCO")
        self.images = {number: self._image(number, entry) for number, entry in self._by_id("images").items()}
        self.annotations = self._by_id("annotations")
        for number, annotation in self.annotations.items():
            if not is_in(self.images, image := annotation.get("image_id")):
                raise ValueError(f"{path}, annotation {number}: its image_id {image!r} is not among the images")

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

    def _image(self, number: Any, entry: dict[str, Any]) -> ListedImage:
        try:
            name = as_text(entry.get("file_name"))
            height, width = (whole_number(entry.get(side), least=1) for side in ("height", "width"))
            check_size(height, width)
        except ValueError as error:
            raise ValueError(f"{self.path}, image {number}: needs a file_name, height and width ({error})") from None
        if not name.strip():
            raise ValueError(f"{self.path}, image {number}: its file_name is empty")
        return ListedImage(name, height, width)

    def _by_id(self, part: str) -> dict[Any, dict[str, Any]]:
        entries = self._listed.get(part) if isinstance(self._listed, dict) else None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise ValueError(f"{self.path}: not annotations of COCO (no list of {part})")
        found: dict[Any, dict[str, Any]] = {}
        for index, entry in enumerate(entries, start=1):
            number = entry.get("id", f"number {index}")
            if not isinstance(number, (int, float, str)):
                raise ValueError(f"{self.path}: number {index} of the {part} has the id {number!r}")
            if number in found:
                raise ValueError(f"{self.path}: two of the {part} have the id {number!r}")
            found[number] = entry
        return found


def is_in(table: dict[Any, Any], key: Any) -> bool:
    """Whether a table has a key that is anything that JSON has."""
    return isinstance(key, Hashable) and key in table


def image_folder(name: str, places: list[Path], what: str) -> Path:
    """The first of several folders that has an image.

    Raises:
        FileNotFoundError: none has it; the message lists them.
    """
    found = first_existing([place / name for place in places], what)
    return next(place for place in places if place / name == found)
