"""Pictures and videos as files. Those that are written have their names only once they are whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from refseg_ros.files import replacing, write_bytes

ASSUMED_RATE = 30.0
"""Frames per second of a video that does not say."""


def rate_of(video: cv2.VideoCapture) -> float:
    """Frames per second of an open video, ASSUMED_RATE where it says nothing that can be."""
    rate = float(video.get(cv2.CAP_PROP_FPS))
    return rate if math.isfinite(rate) and 0.0 < rate <= 1000.0 else ASSUMED_RATE


def write_png(path: Path, rgb: np.ndarray) -> None:
    """Write (H, W, 3) uint8 RGB as PNG.

    Raises:
        OSError: the file cannot be written there.
    """
    write_bytes(path, cv2.imencode(".png", rgb[..., ::-1])[1].tobytes())


@contextmanager
def writing_video(path: Path, width: int, height: int, rate: float) -> Iterator[Callable[[np.ndarray], None]]:
    """Give a function that appends a frame, (height, width, 3) uint8 RGB, to an MP4.

    Args:
        path: of the file, which is there after the block.
        width: of the frames, in pixels.
        height: of the frames, in pixels.
        rate: frames per second.

    Raises:
        OSError: the file cannot be written there, or not all of it.
    """
    with replacing(path) as temporary:
        writer = cv2.VideoWriter(str(temporary), cv2.VideoWriter.fourcc(*"mp4v"), rate, (width, height))
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
        # OpenCV's writer does not say when a disk is full, so what it wrote is opened again.
        written = cv2.VideoCapture(str(temporary), cv2.CAP_FFMPEG)
        count = int(written.get(cv2.CAP_PROP_FRAME_COUNT)) if written.isOpened() else 0
        written.release()
        if count != frames:
            raise OSError(f"{path}: only {count} of {frames} frames could be written; is the disk full?")
