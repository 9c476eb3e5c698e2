"""Photos with instances in COCO's format as a data set, with expressions generated from the instances.

The simulator's speaker words the expressions, so both sources teach the same language. Expressions avoid what a photo
does not show (depth, what is in front) and what is ambiguous: a class with a crowd in the photo is never named, nor is
a colour that is not clear. Things that are too small to be targets still count as candidates.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator

from model_training.datasets import coco_masks
from model_training.datasets.frames import ImageFiles, exif_orientation
from model_training.datasets.instances import INSTANCES, Instances, ListedImage, image_folder, is_in
from model_training.datasets.photo_arrangement import PhotoArrangement
from model_training.datasets.refer import IMAGE_FOLDERS
from model_training.datasets.sample import Expression, Reader, Record
from model_training.words import names, noun_of
from refseg_ros.expression import tokenise
from refseg_ros.simulation.colour_names import colour_of
from refseg_ros.simulation.phrases import ALL_PAIRS, Phrase, phrases_of
from refseg_ros.simulation.speaker import Speaker
from refseg_ros.simulation.tabletop import ObjectTruth

MOST_OF_A_KIND = 4
"""Most expressions of each kind per photo."""
VALIDATION = 8
"""One photo in this many belongs to the split "val"."""

UNSAID = frozenset(("dining table", "ingredients"))
"""Categories with rough masks or without meaning; never named."""

COLOURLESS = frozenset(
    (
        *("person", "zebra", "giraffe", "tv", "clock", "laptop", "pizza", "sandwich", "cake", "wine glass", "hot dog"),
        *("donut", "fork", "knife", "spoon", "toilet", "sink", "refrigerator"),
    )
)
"""Categories that people name without a colour, or with another colour than most of their pixels have."""

_NEIGHBOURS = {
    "white": ("gray", "yellow", "pink"), "gray": ("white", "black", "blue", "brown"),
    "black": ("gray", "brown", "blue"),
    "brown": ("orange", "red", "black", "gray", "yellow"), "orange": ("red", "yellow", "brown", "pink"),
    "yellow": ("orange", "green", "brown", "white"), "red": ("orange", "pink", "brown", "purple"),
    "pink": ("red", "purple", "white", "orange"), "purple": ("pink", "blue", "red"),
    "blue": ("purple", "green", "gray"),
    "green": ("yellow", "blue", "gray"),
}  # fmt: skip
"""Measured colour -> colours that people might name in other light."""


class Photos(Reader):
    """A folder of photos with `instances.json`. A record is a photo with expressions about its instances.

    Opening the folder reads all photos once, to find the colours of their things.

    Args:
        folder: holds INSTANCES and, directly or in a usual place, the images.
        images: folder of the images, if not one of IMAGE_FOLDERS.
        seed: the expressions of a photo depend only on it and on the photo's id.

    Attributes:
        nouns: of its categories, in alphabetical order.

    Raises:
        ValueError, OSError: the message names the file.
    """

    def __init__(self, folder: Path, images: Path | None = None, seed: int = 0) -> None:
        self.folder, self._file, self._seed = folder, folder / INSTANCES, seed
        self.name = f"photos of {folder.resolve().name}"
        instances = Instances(self._file)
        self._kinds = kinds = {number: _names_of(name) for number, name in instances.categories().items()}
        by_photo: dict[Any, list[tuple[Any, dict[str, Any]]]] = defaultdict(list)
        for number, annotation in instances.annotations:
            if not is_in(kinds, annotation.get("category_id")):
                raise ValueError(f"{self._file}, annotation {number}: its category is not listed")
            if annotation.get("iscrowd") not in (0, 1, None):
                raise ValueError(f"{self._file}, annotation {number}: iscrowd is {annotation['iscrowd']!r}, not 0 or 1")
            if (number, annotation) not in by_photo[annotation["image_id"]]:
                by_photo[annotation["image_id"]].append((number, annotation))
        self.nouns = tuple(sorted({noun for spoken in kinds.values() for noun in spoken}))
        if not by_photo:
            raise ValueError(f"{self._file}: has no image with annotations")
        places = [images] if images else photo_places(folder)
        self._images = image_folder(instances.image(next(iter(by_photo))).file_name, places, "the first photo")
        self._outlineless = self._turned = 0
        self._shown_on: dict[
            str, tuple[tuple[ObjectTruth, ...], tuple[tuple[bytes, int, int], ...], frozenset[str]]
        ] = {}
        self.records = tuple(
            record
            for number, parts in by_photo.items()
            if (record := self._record(number, instances.image(number), parts))
        )
        counted = ((instances.strays, "of images that are not listed"), (self._outlineless, "without an outline"))
        self.remarks = tuple(f"annotations {what}, which are left out: {count}" for count, what in counted if count)
        if self._turned:
            self.remarks += (f"photos that their EXIF turns, which are learned as they are stored: {self._turned}",)
        if not self.records:
            raise ValueError(f"{self._file}: nothing can be said of any of its {len(by_photo)} annotated photos")

    def nouns_without(self, category: str) -> tuple[str, ...]:
        """The `nouns` that do not name a category."""
        return tuple(noun for noun in self.nouns if noun not in _names_of(category))

    def _record(self, number: Any, photo: ListedImage, parts: list[tuple[Any, dict[str, Any]]]) -> Record | None:
        path, height, width = self._images / photo.file_name, photo.height, photo.width
        things, codes, vague = self._shown(photo, photo.read(path), parts)
        self._turned += exif_orientation(path) > 1
        rng = np.random.default_rng([self._seed, zlib.crc32(str(number).encode())])
        scene = PhotoArrangement(things, width, height, closed=False, vague=vague)
        said = _chosen(phrases_of(scene, Speaker(scene, rng, ALL_PAIRS, self.nouns)), rng)
        if not any(phrase.target for phrase in said):
            return None
        rows = [None, *dict.fromkeys(phrase.target for phrase in said if phrase.target)]
        expressions = tuple(
            Expression(phrase.text, f"{phrase.kind} {index}", rows.index(phrase.target))
            for index, phrase in enumerate(said)
        )
        truth = tuple(None if row is None else codes[row - 1] for row in rows)
        split = split_of(number)
        record = Record(f"{split}/{number}", split, expressions, ImageFiles((path,)), truth=truth)
        self._shown_on[record.id] = tuple(things), tuple(codes), vague
        return record

    def shown_on(self, record: Record) -> tuple[tuple[ObjectTruth, ...], np.ndarray, frozenset[str]]:
        """What a photo shows: its things, their ids as (H, W) uint8, in which smaller things cover larger ones, and the
        nouns that no expression uses.
        """
        things, codes, vague = self._shown_on[record.id]
        labels = np.zeros(codes[0][1:], np.uint8)
        for thing, code in sorted(zip(things, codes, strict=True), key=lambda pair: -pair[0].pixels):
            labels[coco_masks.decode(*code)] = thing.instance_id
        return things, labels, vague

    def _shown(
        self, photo: ListedImage, rgb: np.ndarray, parts: list[tuple[Any, dict[str, Any]]]
    ) -> tuple[list[ObjectTruth], list[tuple[bytes, int, int]], frozenset[str]]:
        things: list[ObjectTruth] = []
        codes: list[tuple[bytes, int, int]] = []
        vague: set[str] = set()
        for number, part in parts:
            spoken = self._kinds[part["category_id"]]
            if part.get("iscrowd") or not spoken or len(codes) == _MOST_THINGS:
                vague.update(spoken)
                continue
            try:
                code = photo.outline(number, part), photo.height, photo.width
            except coco_masks.NoOutline:  # a box alone: it is there, but nobody knows where exactly
                vague.update(spoken)
                self._outlineless += 1
                continue
            mask = coco_masks.decode(*code)
            if not mask.any():  # a sliver of less than a pixel: it is there, but cannot be shown
                vague.update(spoken)
                continue
            codes.append(code)
            things.append(_truth(len(codes), spoken, mask, rgb))
        return things, codes, frozenset(vague)

    def masks(self, record: Record) -> np.ndarray:
        """See `Reader.masks`."""
        there = [code for code in record.truth or () if code]
        if not there:
            return np.zeros((len(record.truth or ()), *record.frames.read([0])[0].shape[:2]), bool)
        nothing = np.zeros(there[0][1:], bool)
        return np.stack([coco_masks.decode(*code) if code else nothing for code in record.truth or ()])

    def truth_files(self, record: Record) -> tuple[Path, ...]:
        """See `Reader.truth_files`."""
        return (self._file,)


def photo_places(folder: Path) -> list[Path]:
    """Where to look for the photos of a folder with INSTANCES: in itself and in IMAGE_FOLDERS."""
    return [folder, *(folder / place for place in IMAGE_FOLDERS)]


def split_of(number: object) -> str:
    """The split of the photo with this id: "val" or "train"."""
    return "val" if zlib.crc32(f"split {number}".encode()) % VALIDATION == 0 else "train"


_MOST_THINGS = 255  # per photo, because an instance id is a byte


def _names_of(category: str) -> tuple[str, ...]:
    """The nouns of a category, the usual one first; none for a category that is never named."""
    name = " ".join(tokenise(category.replace("_", " ")))
    if name in UNSAID or not name:
        return ()
    noun = noun_of(name)
    return (noun, *names().get(noun, ()))


def _truth(number: int, spoken: tuple[str, ...], mask: np.ndarray, rgb: np.ndarray) -> ObjectTruth:
    height, width = mask.shape
    x, y, w, h = cv2.boundingRect(mask.view(np.uint8))
    core = cv2.erode(mask.view(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    colour, others = "", ()
    if spoken[0] not in COLOURLESS:
        colour, others = colour_of(rgb[core if core.any() else mask])
        if colour == "gray":  # might also be white in the shade, or metal
            colour = ""
    pixels = int(np.count_nonzero(mask))
    return ObjectTruth(
        instance_id=number,
        class_name=spoken[0],
        colour=colour,
        finish="photographed",
        scale=10.0 * float(np.sqrt(pixels)) / width,
        position=(0.0, 0.0, 0.0),
        velocity=(0.0, 0.0, 0.0),
        ground=((x + w / 2) / width, -(y + h / 2) / width),
        motion=None,
        pixels=pixels,
        visible_fraction=1.0,
        box=(x, y, w, h),
        names=spoken,
        other_colours=tuple(dict.fromkeys((*others, *_NEIGHBOURS.get(colour, ())))),
    )


def _chosen(offered: Sequence[Phrase], rng: Generator) -> list[Phrase]:
    """Draw some expressions of each kind, each text once; at most one absent expression for two that fit."""
    by_kind: dict[str, list[Phrase]] = defaultdict(list)
    for phrase in {phrase.text: phrase for phrase in offered}.values():
        by_kind[phrase.kind].append(phrase)
    absent = by_kind.pop("absent", [])
    kept = [of_it[index] for of_it in by_kind.values() for index in rng.permutation(len(of_it))[:MOST_OF_A_KIND]]
    return kept + [absent[index] for index in rng.permutation(len(absent))[: (len(kept) + 1) // 2]]
