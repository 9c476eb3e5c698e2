"""Colours of pixels have the names that the simulator gives them, and none where none is clear."""

from __future__ import annotations

import numpy as np
import pytest

from refseg_ros.simulation.appearance import COLOURS, paint
from refseg_ros.simulation.colour_names import colour_of, shares_of_colours


@pytest.mark.parametrize("colour", COLOURS)
def test_paints_of_a_colour_have_its_name(colour: str) -> None:
    rng = np.random.default_rng(0)
    paints = np.array([np.rint(255 * paint(colour, rng)) for _ in range(300)], np.uint8)
    assert shares_of_colours(paints)[colour] > 0.9
    assert colour_of(paints)[0] == colour


def test_two_colours_are_both_named_and_neither_is_clear() -> None:
    pixels = np.array([COLOURS["red"]] * 50 + [COLOURS["blue"]] * 50, np.uint8)
    colour, others = colour_of(pixels)
    assert colour == "" and {*others} == {"red", "blue"}


def test_no_pixels_and_beige_have_no_clear_colour() -> None:
    assert colour_of(np.zeros((0, 3), np.uint8))[0] == ""
    assert colour_of(np.full((9, 3), (225, 200, 160), np.uint8))[0] == ""
