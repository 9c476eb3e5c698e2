"""A source of images opened as the camera node opens it, and read to its end."""

from __future__ import annotations

from pathlib import Path

from refseg_ros.media.source import Source
from refseg_ros.media.sources import open_source

warnings: list[str] = []


def opened(source: str | Path, loop: bool = False, seed: int = 3, scene_seconds: float = 0.0) -> Source:
    return open_source(
        str(source),
        loop=loop,
        width=64,
        height=48,
        seed=seed,
        split="held_out",
        moving=None,
        scene_seconds=scene_seconds,
        warn=warnings.append,
    )


def number_of(picture) -> int:
    return round((float(picture.rgb.mean()) - 20) / 10)


def read_all(source: Source, elapsed: float, most: int = 1000) -> list[int]:
    numbers = []
    while len(numbers) < most and (picture := source.read(elapsed)) is not None:
        numbers.append(number_of(picture))
    source.close()
    return numbers
