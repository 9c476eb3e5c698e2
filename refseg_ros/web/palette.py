"""The colours of the expressions: those of Okabe and Ito, which colour-blind people can tell apart, too."""

from __future__ import annotations

COLOURS = ("#2fbf8f", "#e69f00", "#56b4e9", "#e87bb0", "#f0e442", "#d55e00", "#7f8cff", "#c0c0c0")
"""Colours of the first, second, ... expression; as many as the node answers at a time."""


def rgb_of(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, of "#rrggbb"."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
