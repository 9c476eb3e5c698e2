"""Samples at the size of the network's input, and a cache of them on disk."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from model_training.datasets.sample import ClipFrames, Reader, Record, Sample
from refseg_ros.files import write_bytes
from refseg_ros.geometry import Letterbox


@dataclass(frozen=True)
class Letterboxed:
    """A sample at the size of the network's input."""

    frames: np.ndarray
    """(T, H, W, 3) uint8 RGB, the target frame last."""
    areas: np.ndarray
    """(R, H, W) uint8: how much of each input pixel each thing covers; 255 is the whole pixel."""
    present: np.ndarray
    """(R,) bool: whether each thing is in the target frame, however small."""


def letterboxed(sample: Sample, height: int, width: int, padding: int) -> Letterboxed:
    """Letterbox a sample with masks, in the same way as the robot's frames."""
    assert sample.masks is not None
    fit = Letterbox.fit(*sample.frames.shape[1:3], height, width)
    frames = np.stack([fit.apply(frame, padding) for frame in sample.frames])
    areas = np.stack([fit.apply(mask.astype(np.uint8) * 255, padding=0) for mask in sample.masks])
    return Letterboxed(frames, areas, sample.masks.any(axis=(1, 2)))


class LetterboxCache:
    """A folder of letterboxed samples, one file each. A sample is made again if its files changed, or the truth of its
    record.

    Frames are stored uncompressed, 307 kB for 320x320 pixels; masks are compressed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(
        self,
        reader: Reader,
        record: Record,
        referents: Sequence[int],
        clip: ClipFrames,
        height: int,
        width: int,
        padding: int,
    ) -> Letterboxed:
        """The sample with the masks of some rows, from the folder if it is cached.

        Raises:
            ValueError, OSError: the sample cannot be made or stored; the message names the file.
        """
        path = self._path(reader, record, clip, f"{height} {width} {padding}")
        try:
            kept = load_file(path)
            ends, packed = kept["ends"].tolist(), kept["areas"].tobytes()
            unpacked = [zlib.decompress(packed[ends[row] : ends[row + 1]]) for row in referents]
            areas = np.frombuffer(b"".join(unpacked), np.uint8).reshape(-1, height, width)
            return Letterboxed(kept["frames"], areas, kept["present"][list(referents)])
        except (OSError, SafetensorError, LookupError, ValueError, zlib.error):
            made = letterboxed(reader.load(record, clip), height, width, padding)
        path.parent.mkdir(parents=True, exist_ok=True)
        parts = [zlib.compress(area.tobytes(), 1) for area in made.areas]
        tensors = {
            "frames": made.frames,
            "areas": np.frombuffer(b"".join(parts), np.uint8),
            "ends": np.cumsum([0, *map(len, parts)]),
            "present": made.present,
        }
        write_bytes(path, save(tensors))  # safetensors' own writing raises no OSError on a full disk
        return Letterboxed(made.frames, made.areas[list(referents)], made.present[list(referents)])

    def _path(self, reader: Reader, record: Record, clip: ClipFrames, size: str) -> Path:
        indices = clip.indices(record.target, len(record.frames))
        # The files alone do not tell which row has which mask, nor which rows have none.
        parts = [f"{reader.name} {record.id} {indices} {size} {record.truth}"]
        for path in [*record.frames.files(indices), *reader.truth_files(record)]:
            facts = os.stat(path)
            parts.append(f"{path} {facts.st_size} {facts.st_mtime_ns}")
        name = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
        return self._folder / name[:2] / f"{name[2:]}.safetensors"
