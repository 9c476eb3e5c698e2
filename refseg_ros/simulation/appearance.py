"""Colours and finishes of the things on the table, and the pairs of colour and class that training never sees."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from refseg_ros.simulation.objects import CLASSES

COLOURS: dict[str, tuple[int, int, int]] = {  # RGB, 0..255, before light and shade
    "red": (205, 22, 28),
    "orange": (247, 128, 12),
    "yellow": (246, 214, 30),
    "green": (38, 150, 52),
    "blue": (28, 76, 205),
    "purple": (122, 44, 162),
    "pink": (246, 142, 184),
    "brown": (104, 62, 30),
    "white": (242, 242, 240),
    "black": (26, 26, 28),
    "gray": (128, 130, 132),
}
FINISHES: tuple[str, ...] = ("plain", "shiny", "striped", "speckled", "banded")
ACCENTS: dict[str, tuple[int, int, int]] = {"paper": (236, 228, 205), "metal": (176, 178, 182), "dark": (66, 48, 30)}
TEXTURE_SIZE = 32  # pixels, square


def _held_out_pairs() -> frozenset[tuple[str, str]]:
    names = list(COLOURS)
    return frozenset(
        (names[(4 * (3 * row + column)) % len(names)], class_name)
        for row, class_name in enumerate(CLASSES)
        for column in range(3)
    )


HELD_OUT_PAIRS: frozenset[tuple[str, str]] = _held_out_pairs()
"""Three colours per class, each colour for three or four classes, drawn only in the split "held_out"."""


def allowed_pairs(split: str) -> frozenset[tuple[str, str]]:
    """Return the (colour, class) pairs of split "train" or "held_out"; ValueError for any other split."""
    if split == "held_out":
        return HELD_OUT_PAIRS
    if split == "train":
        return frozenset((c, k) for c in COLOURS for k in CLASSES) - HELD_OUT_PAIRS
    raise ValueError(f'split is "{split}", but must be "train" or "held_out"')


def paint(colour: str, rng: Generator) -> NDArray[np.float64]:
    """Draw an RGB in 0..1 (3,) near a colour's base: 0.92 to 1.04 times as light, each channel off by up to 0.018."""
    base = np.asarray(COLOURS[colour], dtype=np.float64) / 255.0
    return np.clip(base * rng.uniform(0.92, 1.04) + rng.uniform(-0.03, 0.03, 3) * 0.6, 0.02, 1.0)


def shade(rgb: NDArray[np.float64], amount: float) -> NDArray[np.float64]:
    """Return a tone of the same colour: darker when it is light, lighter when it is dark (amount 0..1)."""
    target = np.zeros(3) if rgb.mean() > 0.45 else np.ones(3)
    return rgb + (target - rgb) * amount


def finish_texture(finish: str, rgb: NDArray[np.float64], rng: Generator) -> NDArray[np.uint8]:
    """Return a repeating texture (32, 32, 3) uint8 RGB in which the base colour covers at least two thirds."""
    size = TEXTURE_SIZE
    mask = np.zeros((size, size), dtype=bool)
    if finish == "striped":
        mask[:, (np.arange(size) % (size // 2)) < rng.integers(3, 6)] = True
    elif finish == "banded":
        mask[(np.arange(size) % size) < rng.integers(5, 10), :] = True
    elif finish == "speckled":
        rows, columns = rng.integers(0, size, (2, 26))
        for dy in (0, 1):
            for dx in (0, 1):
                mask[(rows + dy) % size, (columns + dx) % size] = True
    accent = shade(rgb, rng.uniform(0.28, 0.45))
    grain = rng.uniform(-0.015, 0.015, (size, size, 1))
    colours = np.where(mask[..., None], accent, rgb) + grain
    return (np.clip(colours, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
