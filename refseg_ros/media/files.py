"""Picture and video files. A file gets its final name only when it is whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from refseg_ros.files import replacing, write_bytes
from refseg_ros.text import printable

IMAGE_SUFFIXES = (
    *(".apng", ".avif", ".bmp", ".dib", ".gif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".mpo", ".pam"),
    *(".pbm", ".pgm", ".png", ".pnm", ".ppm", ".ras", ".sr", ".tif", ".tiff", ".webp"),
)
"""Suffixes of the files in a folder that count as images, in lower case."""


def in_order(paths: Iterable[Path]) -> list[Path]:
    """Sort files by name, numbers in the names by value: 2.png comes before 10.png.

    Hidden files are left out, such as ._photo.png, which macOS writes on other file systems.
    """

    def key(path: Path) -> tuple[list[tuple[int, str]], str]:
        parts = re.findall(r"\d+|\D+", path.name)
        return [(int(part[:4000]), "") if part.isdecimal() else (-1, part) for part in parts], path.name

    return sorted((path for path in paths if not path.name.startswith(".")), key=key)


def images_of(folder: Path, warn: Callable[[str], object]) -> list[Path]:
    """The images in a folder, recognised by suffix, sorted by name.

    Args:
        folder: where to look.
        warn: called with one line for each image that is left out because it is hidden, empty or not a file.
    """
    named = [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES]
    kept = in_order(path for path in named if path.is_file() and path.stat().st_size)
    for path in sorted(named):
        if path not in kept:
            warn(f"left out: {printable(str(path))}: hidden, empty, or not a file")
    return kept


def report_motion(path: Path, warn: Callable[[str], object]) -> None:
    """Call `warn` with one line if a picture file holds more than one picture; only the first is used."""
    if (count := cv2.imcount(str(path))) > 1:
        name = printable(str(path))
        warn(f"{name}: only the first of its {count} pictures is looked at; for all, make it an MP4")


def write_png(path: Path, rgb: np.ndarray) -> None:
    """Write (H, W, 3) uint8 RGB as PNG.

    Raises:
        OSError: the file cannot be written there.
    """
    write_bytes(path, cv2.imencode(".png", rgb[..., ::-1])[1].tobytes())


@contextmanager
def writing_video(path: Path, width: int, height: int, rate: float) -> Iterator[Callable[[np.ndarray], None]]:
    """Write an MP4: gives a function that appends a frame, (height, width, 3) uint8 RGB.

    Args:
        path: of the file; it exists after the block.
        width: of the frames, in pixels.
        height: of the frames, in pixels.
        rate: frames per second.

    Raises:
        OSError: the file cannot be written, or not completely.
    """
    with replacing(path) as temporary:
        name = str(temporary.absolute())  # see `Film`
        writer = cv2.VideoWriter(name, cv2.VideoWriter.fourcc(*"mp4v"), rate, (width, height))
        if not writer.isOpened():
            raise OSError(f"{path}: cannot be written (no permission, or OpenCV writes no MP4 of {width} x {height})")
        frames = 0

        def append(rgb: np.ndarray) -> None:
            nonlocal frames
            writer.write(rgb[..., ::-1])
            frames += 1

        try:
            yield append
        finally:
            writer.release()
        # OpenCV's writer reports no full disk, so the frames in the file are counted.
        written = cv2.VideoCapture(name, cv2.CAP_FFMPEG)
        count = int(written.get(cv2.CAP_PROP_FRAME_COUNT)) if written.isOpened() else 0
        written.release()
        if count != frames:
            raise OSError(f"{path}: only {count} of {frames} frames could be written; is the disk full?")
