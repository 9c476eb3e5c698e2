"""Textures of the table, the wall and the floor; the split "held_out" has kinds that training never sees."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Array = NDArray[np.float64]
SURFACE_SIZE = 256  # pixels, square

_VARIANTS = 6  # patterns per kind; every scene colours them anew
_Y, _X = np.mgrid[0:SURFACE_SIZE, 0:SURFACE_SIZE] / SURFACE_SIZE  # 0..1


def _noise(rng: Generator, cells_y: int, cells_x: int) -> Array:
    """Return smooth noise (S, S) in about 0..1."""
    coarse = rng.uniform(0.0, 1.0, (cells_y, cells_x)).astype(np.float32)
    return cv2.resize(coarse, (SURFACE_SIZE, SURFACE_SIZE), interpolation=cv2.INTER_CUBIC).astype(np.float64)


def _cells(repeats: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the row and the column (S, S) of each pixel's cell in a square grid of 2 * repeats cells a side."""
    return np.floor(_Y * 2 * repeats).astype(np.int64), np.floor(_X * 2 * repeats).astype(np.int64)


def _wood(rng: Generator, repeats: int) -> Array:
    rings = np.sin(2 * np.pi * (repeats * 2 * _Y + 1.5 * _noise(rng, 6, 3)))
    return 0.5 + 0.5 * rings * _noise(rng, 64, 4)


def _cloth(rng: Generator, repeats: int) -> Array:
    threads = np.sin(2 * np.pi * 32 * _X) + np.sin(2 * np.pi * 32 * _Y)
    return 0.5 + 0.25 * threads + 0.2 * (_noise(rng, 8, 8) - 0.5)


def _speckle(rng: Generator, repeats: int) -> Array:
    value = (rng.uniform(size=_X.shape) < 0.08 * repeats).astype(float) * 0.8 + 0.3 * _noise(rng, 5, 5)
    return cv2.GaussianBlur(value, (3, 3), 0).astype(np.float64)


def _checker(rng: Generator, repeats: int) -> Array:
    row, column = _cells(repeats)
    return ((row + column) % 2).astype(np.float64)


def _plain(rng: Generator, repeats: int) -> Array:
    return 0.35 * _noise(rng, 4, 4) + rng.uniform(0, 0.08, _X.shape)


def _stripes(rng: Generator, repeats: int) -> Array:
    return ((_X * repeats) % 1.0 < rng.uniform(0.2, 0.6)).astype(np.float64)


def _tiles(rng: Generator, repeats: int) -> Array:
    row, column = _cells(repeats)
    gap = ((_X * repeats) % 1.0 < 0.06) | ((_Y * repeats) % 1.0 < 0.06)
    return np.where(gap, 1.0, 0.25 * rng.uniform(size=(16, 16))[row // 2, column // 2])


def _marble(rng: Generator, repeats: int) -> Array:
    return np.abs(np.sin(2 * np.pi * (_X + 1.2 * _noise(rng, 5, 5) + 0.3 * _noise(rng, 20, 20)))) ** 0.4


def _dots(rng: Generator, repeats: int) -> Array:
    distance = np.hypot((_X * repeats * 2) % 1.0 - 0.5, (_Y * repeats * 2) % 1.0 - 0.5)
    return (distance < rng.uniform(0.2, 0.35)).astype(np.float64)


def _planks(rng: Generator, repeats: int) -> Array:
    row, _ = _cells(repeats)
    edge = ((_Y * repeats) % 1.0 < 0.03) | ((_X + 0.37 * (row // 2)) % 0.5 < 0.006)
    return np.where(edge, 1.0, 0.5 * rng.uniform(size=16)[row // 2] + 0.25 * _noise(rng, 80, 4))


SURFACE_KINDS: dict[str, dict[str, Callable[[Generator, int], Array]]] = {
    "train": {
        "wood": _wood, "cloth": _cloth, "speckle": _speckle,
        "checker": _checker, "plain": _plain, "stripes": _stripes,
    },
    "held_out": {"tiles": _tiles, "marble": _marble, "dots": _dots, "planks": _planks},
}  # fmt: skip


@cache
def _pattern(split: str, kind: str, variant: int) -> NDArray[np.uint8]:
    """Return a pattern (S, S) uint8: 0 is the surface's first colour, 255 its second."""
    rng = np.random.default_rng([variant, *kind.encode()])
    repeats = int(rng.integers(2, 6))
    value = SURFACE_KINDS[split][kind](rng, repeats)
    return (np.clip(value, 0.0, 1.0) * 255.0).astype(np.uint8)


def _colour(rng: Generator, value: float) -> Array:
    """Draw an RGB (3,) in 0..1 of a lightness (HSV value, 0..1), mostly with low saturation, often a brown or cream."""
    hue, saturation = float(rng.uniform(0, 180)), float(rng.beta(1.2, 3.0)) * 0.75
    if rng.uniform() < 0.4:
        hue, saturation = float(rng.uniform(8, 24)), float(rng.uniform(0.15, 0.6))
    pixel = np.array([[[hue * 2.0, saturation, value]]], dtype=np.float32)
    return cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0].astype(np.float64)


def surface_texture(split: str, rng: Generator, step: int = 1) -> NDArray[np.uint8]:
    """Draw a surface of a split ("train" or "held_out"): a texture (256 / step, 256 / step, 3) uint8 RGB."""
    kinds = tuple(SURFACE_KINDS[split])
    kind = kinds[int(rng.integers(len(kinds)))]
    pattern = _pattern(split, kind, int(rng.integers(_VARIANTS)))
    value = float(rng.uniform(0.3, 0.9))
    first = _colour(rng, value)
    if rng.uniform() < 0.6:
        second = np.clip(first * rng.uniform(0.6, 0.9), 0, 1)
    else:
        second = _colour(rng, float(np.clip(value + rng.uniform(-0.3, 0.3), 0.2, 0.95)))
    mix = np.linspace(0.0, 1.0, 256)[:, None]
    table = ((first * (1.0 - mix) + second * mix) * 255.0 + 0.5).astype(np.uint8)
    return np.take(table, pattern[::step, ::step], axis=0)
