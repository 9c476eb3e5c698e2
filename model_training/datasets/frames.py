"""The frames of samples, from image files or a video file."""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import ExifTags, Image

from model_training.datasets.files import expected
from refseg_ros.images.pictures import read_picture
from refseg_ros.media.files import in_order
from refseg_ros.media.films import Film


class Frames(Protocol):
    """Frames in the order of time; a still image is one frame."""

    def __len__(self) -> int:
        """The number of frames."""

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """Read frames, each (H, W, 3) uint8 RGB.

        Raises:
            ValueError, OSError: a file is missing or damaged; the message names it.
        """

    def files(self, indices: Sequence[int]) -> list[Path]:
        """The files of some frames, each once."""


def read_image(path: Path, *, as_displayed: bool = False) -> np.ndarray:
    """Read an image file as (H, W, 3) uint8 RGB.

    Args:
        path: of a format that OpenCV reads.
        as_displayed: apply the EXIF orientation. Masks of published data sets match the pixels as stored.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: it is not an image, or a damaged one.
    """
    return read_picture(expected(path), as_displayed=as_displayed)


def exif_orientation(path: Path) -> int:
    """How the EXIF of a readable image file says that its pixels are to be turned, 1 to 8; 1: not at all.

    From 5 on, width and height change places. A TIFF has no EXIF here: OpenCV always turns it.
    """
    exif = Image.Exif()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damaged EXIF
        try:
            with Image.open(path) as image:
                exif.load(image.info.get("exif", b""))  # image.getexif() decodes the pixels of a PNG
            orientation = exif.get(ExifTags.Base.Orientation)
        except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError):  # none that Pillow reads
            return 1
    return orientation if orientation in range(1, 9) else 1


def numbered(folder: Path, suffixes: Sequence[str]) -> tuple[Path, ...]:
    """The files of the frames 1, 2, ... of a video, by the number that ends their names; hidden files are left out.

    Raises:
        FileNotFoundError: there is none, or one between is missing.
        ValueError: a name has no number, or number 0, or that of another file.
    """
    found: dict[int, Path] = {}
    for path in in_order(path for suffix in suffixes for path in folder.glob(f"*{suffix}")):
        ending = re.search(r"[0-9]+$", path.stem)
        if not ending or not int(ending[0]):
            raise ValueError(f"{path}: the number of a frame, counted from 1, was expected at the end of its name")
        if (other := found.setdefault(int(ending[0]), path)) != path:
            raise ValueError(f"{path}: frame {int(ending[0])} is there twice, {other.name} is it too; remove one")
    for number in range(1, max(found, default=1) + 1):
        if number not in found:
            raise FileNotFoundError(f"{folder / f'{number:05d}{suffixes[0]}'}: frame {number} is missing")
    return tuple(found[number] for number in sorted(found))


@dataclass(frozen=True)
class ImageFiles:
    """One file for each frame."""

    paths: tuple[Path, ...]
    as_displayed: bool = False

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """See `Frames.read`; a repeated frame is decoded once."""
        once = {index: read_image(self.paths[index], as_displayed=self.as_displayed) for index in set(indices)}
        frames = [once[index] for index in indices]
        for index, frame in zip(indices, frames, strict=True):
            if frame.shape != frames[-1].shape:
                sizes = f"{frame.shape[1]}x{frame.shape[0]} pixels, {self.paths[indices[-1]].name} another size"
                raise ValueError(f"{self.paths[index]}: has {sizes}; the frames of a video have one")
        return frames

    def files(self, indices: Sequence[int]) -> list[Path]:
        """See `Frames.files`."""
        return list(dict.fromkeys(self.paths[index] for index in indices))


@dataclass(frozen=True)
class VideoFile:
    """The frames of a video file, decoded from the beginning, because seeking is inexact in many files.

    Frames after the last decodable one repeat that one, because frame counts of lists and containers differ slightly.
    """

    path: Path
    count: int

    def __len__(self) -> int:
        return self.count

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """See `Frames.read`."""
        wanted, found, end = set(indices), {}, None
        with Film(expected(self.path)) as film:
            for index in range(max(indices) + 1):
                if not film.grab():
                    break
                end = film.rgb()
                if index in wanted:
                    found[index] = end
        if end is None:
            raise ValueError(f"{self.path}: not a video that can be read; fetch it again")
        return [found.get(index, end) for index in indices]

    def files(self, indices: Sequence[int]) -> list[Path]:
        """See `Frames.files`."""
        return [self.path]
