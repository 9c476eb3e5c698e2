"""Textures of the table, the wall and the floor; those of the split "held_out" are of kinds that training never sees."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

SURFACE_SIZE = 256  # pixels, square
SURFACE_KINDS: dict[str, tuple[str, ...]] = {
    "train": ("wood", "cloth", "speckle", "checker", "plain", "stripes"),
    "held_out": ("tiles", "marble", "dots", "planks"),
}
_VARIANTS = 6


def _noise(rng: Generator, cells_y: int, cells_x: int) -> NDArray[np.float64]:
    """Return smooth periodic-looking noise (S, S) in about 0..1."""
    coarse = rng.uniform(0.0, 1.0, (cells_y, cells_x)).astype(np.float32)
    return cv2.resize(coarse, (SURFACE_SIZE, SURFACE_SIZE), interpolation=cv2.INTER_CUBIC).astype(np.float64)


@cache
def _pattern(kind: str, variant: int) -> NDArray[np.uint8]:
    """Return a pattern (S, S) uint8: 0 is the surface's first colour, 255 its second."""
    rng = np.random.default_rng([variant, *kind.encode()])
    y, x = np.mgrid[0:SURFACE_SIZE, 0:SURFACE_SIZE] / SURFACE_SIZE
    repeats = int(rng.integers(2, 6))
    cell_x, cell_y = np.floor(x * 2 * repeats).astype(int), np.floor(y * 2 * repeats).astype(int)
    if kind == "wood":
        value = 0.5 + 0.5 * np.sin(2 * np.pi * (repeats * 2 * y + 1.5 * _noise(rng, 6, 3))) * _noise(rng, 64, 4)
    elif kind == "cloth":
        value = 0.5 + 0.25 * (np.sin(2 * np.pi * 32 * x) + np.sin(2 * np.pi * 32 * y)) + 0.2 * (_noise(rng, 8, 8) - 0.5)
    elif kind == "speckle":
        value = (rng.uniform(size=x.shape) < 0.08 * repeats).astype(float) * 0.8 + 0.3 * _noise(rng, 5, 5)
        value = cv2.GaussianBlur(value, (3, 3), 0)
    elif kind == "checker":
        value = ((cell_x + cell_y) % 2).astype(float)
    elif kind == "plain":
        value = 0.35 * _noise(rng, 4, 4) + rng.uniform(0, 0.08, x.shape)
    elif kind == "stripes":
        value = ((x * repeats) % 1.0 < rng.uniform(0.2, 0.6)).astype(float)
    elif kind == "tiles":
        gap = ((x * repeats) % 1.0 < 0.06) | ((y * repeats) % 1.0 < 0.06)
        value = np.where(gap, 1.0, 0.25 * rng.uniform(size=(16, 16))[cell_y // 2, cell_x // 2])
    elif kind == "marble":
        value = np.abs(np.sin(2 * np.pi * (x + 1.2 * _noise(rng, 5, 5) + 0.3 * _noise(rng, 20, 20)))) ** 0.4
    elif kind == "dots":
        value = (np.hypot((x * repeats * 2) % 1.0 - 0.5, (y * repeats * 2) % 1.0 - 0.5) < rng.uniform(0.2, 0.35)).astype(float)
    elif kind == "planks":
        edge = ((y * repeats) % 1.0 < 0.03) | ((x + 0.37 * (cell_y // 2)) % 0.5 < 0.006)
        value = np.where(edge, 1.0, 0.5 * rng.uniform(size=16)[cell_y // 2] + 0.25 * _noise(rng, 80, 4))
    else:
        raise ValueError(f'surface kind is "{kind}", but must be one of {sum(SURFACE_KINDS.values(), ())}')
    return (np.clip(value, 0.0, 1.0) * 255.0).astype(np.uint8)


def _colour(rng: Generator, value: float) -> NDArray[np.float64]:
    hue, saturation = float(rng.uniform(0, 180)), float(rng.beta(1.2, 3.0)) * 0.75
    if rng.uniform() < 0.4:  # the browns and creams that real tables have
        hue, saturation = float(rng.uniform(8, 24)), float(rng.uniform(0.15, 0.6))
    pixel = np.array([[[hue * 2.0, saturation, value]]], dtype=np.float32)
    return cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0].astype(np.float64)


def surface_texture(split: str, rng: Generator, step: int = 1) -> NDArray[np.uint8]:
    """Draw a surface of a split: a texture (256 / step, 256 / step, 3) uint8 RGB."""
    kinds = SURFACE_KINDS[split]
    kind = kinds[int(rng.integers(len(kinds)))]
    pattern = _pattern(kind, int(rng.integers(_VARIANTS)))
    value = float(rng.uniform(0.3, 0.9))
    first = _colour(rng, value)
    second = np.clip(first * rng.uniform(0.6, 0.9), 0, 1) if rng.uniform() < 0.6 else _colour(rng, float(np.clip(value + rng.uniform(-0.3, 0.3), 0.2, 0.95)))
    mix = np.linspace(0.0, 1.0, 256)[:, None]
    table = ((first * (1.0 - mix) + second * mix) * 255.0 + 0.5).astype(np.uint8)
    return table[pattern[::step, ::step]]
