"""The frames that samples are made of: image files, or a video file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np


class Frames(Protocol):
    """Frames in the order of time; an image is one."""

    def __len__(self) -> int:
        """How many there are."""

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """Each (H, W, 3) uint8 RGB.

        Raises:
            ValueError, OSError: a file is missing or damaged; the message names it.
        """

    def files(self, indices: Sequence[int]) -> list[Path]:
        """The files that these frames are read from, each once."""


def read_image(path: Path, *, as_displayed: bool = False) -> np.ndarray:
    """(H, W, 3) uint8 RGB of an image file.

    Args:
        path: what OpenCV can read.
        as_displayed: turn it as its EXIF orientation says. Masks of data sets belong to the pixels as they are stored.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is no image.
    """
    flags = cv2.IMREAD_COLOR if as_displayed else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = _decode(path, flags)
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def read_mask(path: Path) -> np.ndarray:
    """(H, W) bool of a mask file: True where any colour channel is above zero, whatever an alpha channel says.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is no image.
    """
    pixels = _decode(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return pixels.any(axis=2)


def _decode(path: Path, flags: int) -> np.ndarray:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: expected, but not there") from None
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    if pixels is None:
        raise ValueError(f"{path}: not an image that can be read ({len(data)} bytes); fetch it again")
    return pixels


@dataclass(frozen=True)
class ImageFiles:
    """One file for each frame."""

    paths: tuple[Path, ...]
    as_displayed: bool = False

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """See `Frames.read`; a frame that is wanted several times is decoded once."""
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
    """The frames of a video file, decoded from its beginning: seeking is inexact in many of them.

    A frame beyond the last that can be decoded is the last one: frame counts of lists and of containers differ by some.
    """

    path: Path
    count: int

    def __len__(self) -> int:
        return self.count

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """See `Frames.read`."""
        if not self.path.is_file():
            raise FileNotFoundError(f"{self.path}: expected, but not there")
        capture = cv2.VideoCapture(str(self.path))
        wanted, found, last = set(indices), {}, None
        try:
            for index in range(max(indices) + 1):
                good, pixels = capture.read()
                if not good:
                    break
                last = pixels
                if index in wanted:
                    found[index] = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
        finally:
            capture.release()
        if last is None:
            raise ValueError(f"{self.path}: not a video that can be read; fetch it again")
        end = cv2.cvtColor(last, cv2.COLOR_BGR2RGB)
        return [found.get(index, end) for index in indices]

    def files(self, indices: Sequence[int]) -> list[Path]:
        """See `Frames.files`."""
        return [self.path]
