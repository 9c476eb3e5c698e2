"""Names the colour of some pixels by hue, saturation and lightness, if the colour is clear."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from refseg_ros.simulation.appearance import COLOURS

CLEAR = 0.6
"""Smallest share of the pixels for one name to be clearly the colour."""
NOTABLE = 0.15
"""Smallest share of the pixels for somebody to name a second colour."""

_NAMES = tuple(COLOURS)
_NONE = len(_NAMES)
_HUES = ((16, "red"), (42, "orange"), (62, "yellow"), (165, "green"), (258, "blue"), (300, "purple"), (340, "pink"))
"""Upper limits of the hues in degrees; above the last one it is red again."""


def shares_of_colours(pixels: NDArray[np.uint8]) -> dict[str, float]:
    """The share of each of COLOURS in pixels (N, 3) uint8 RGB; some pixels, such as beige ones, have no name."""
    if not len(pixels):
        return dict.fromkeys(_NAMES, 0.0)
    hsv = cv2.cvtColor(np.float32(pixels.reshape(-1, 1, 3)) / np.float32(255), cv2.COLOR_RGB2HSV)[:, 0]
    hue, saturation, value = hsv.T
    name = np.full(len(hsv), _NAMES.index("red"))
    low = 0.0
    for high, word in _HUES:
        name[(hue >= low) & (hue < high)] = _NAMES.index(word)
        low = high
    warm = (hue < 50) | (hue >= 345)
    name[warm & (value < 0.5) & (saturation < 0.85) & (hue >= 8) & (hue < 50)] = _NAMES.index("brown")
    name[(hue >= 16) & (hue < 50) & (saturation < 0.7) & (value < 0.75)] = _NAMES.index("brown")
    name[(hue >= 16) & (hue < 62) & (saturation < 0.55) & (value >= 0.75)] = _NONE  # beige, tan, cream
    name[(hue >= 16) & (hue < 42) & (saturation < 0.7) & (value >= 0.75)] = _NONE
    name[((hue >= 325) | (hue < 8)) & (saturation < 0.55) & (value > 0.65)] = _NAMES.index("pink")
    pale = (saturation < 0.16) | ((saturation < 0.26) & (value < 0.35))
    name[pale] = _NAMES.index("gray")
    name[pale & (value > 0.78)] = _NAMES.index("white")
    name[(value < 0.2) | (pale & (value < 0.28))] = _NAMES.index("black")
    counts = np.bincount(name, minlength=_NONE + 1) / len(hsv)
    return dict(zip(_NAMES, counts.tolist(), strict=False))


def colour_of(pixels: NDArray[np.uint8]) -> tuple[str, tuple[str, ...]]:
    """The name of the colour of some pixels, and other names that somebody might use.

    Args:
        pixels: (N, 3) uint8 RGB.

    Returns:
        One of COLOURS, or "" if no colour is clear; then the other colours that cover a notable part.
    """
    shares = shares_of_colours(pixels)
    best = max(shares, key=lambda name: shares[name])
    others = tuple(name for name, share in shares.items() if share >= NOTABLE and name != best)
    return (best, others) if shares[best] >= CLEAR else ("", (best, *others))
