"""The picture that goes to the browser: masks and outlines drawn into the image; boxes and names as numbers beside it.

The browser draws boxes and names itself, as sharp as its screen is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from refseg_ros.answer import Verdict
from refseg_ros.web.moment import Moment
from refseg_ros.web.palette import COLOURS, rgb_of
from refseg_ros.web.truth import TrueThing

TINT = 0.15
"""Share of an expression's colour in the pixels of its mask; their own must be seen."""
QUALITY = 85
"""Of the JPEG."""
SHARED = 4
"""Moments whose pictures are kept for other browsers: one for each of a few cameras, and those that are paused."""
TRUE_COLOUR = "#ffffff"
CORRECTION = "#ff5c8a"
"""Colour of a mask that is being corrected."""


def painted(moment: Moment) -> npt.NDArray[np.uint8]:
    """The image with each mask in the colour of its expression, (H, W, 3) uint8 RGB."""
    canvas = moment.rgb.copy()
    for sighting, colour in zip(moment.sightings, COLOURS, strict=False):
        paint(canvas, sighting.answer.mask, colour)
    return canvas


def paint(canvas: npt.NDArray[np.uint8], mask: npt.NDArray[np.uint8], colour: str) -> None:
    """Tint (H, W, 3) uint8 RGB where (H, W) uint8 is not 0, and draw the outline; nothing where their sizes differ."""
    if canvas.shape[:2] != mask.shape:
        return
    x, y, width, height = cv2.boundingRect(mask)
    if not width:
        return
    inside, shape = canvas[y : y + height, x : x + width], mask[y : y + height, x : x + width]
    tinted = cv2.addWeighted(inside, 1.0 - TINT, np.full_like(inside, rgb_of(colour)), TINT, 0.0)
    inside[:] = np.where(shape[..., None] > 0, tinted, inside)
    outline, _ = cv2.findContours(shape, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=(x, y))
    thickness = max(1, round(min(canvas.shape[:2]) / 240))
    cv2.drawContours(canvas, outline, -1, rgb_of(colour), thickness, cv2.LINE_AA)


def jpeg(rgb: npt.NDArray[np.uint8]) -> bytes:
    """(H, W, 3) uint8 RGB as JPEG."""
    return cv2.imencode(".jpg", rgb[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, QUALITY))[1].tobytes()


@lru_cache(maxsize=SHARED)
def picture(moment: Moment) -> bytes:
    """The JPEG of a moment with its masks; made once for all browsers."""
    return jpeg(painted(moment))


def marks(moment: Moment, things: Sequence[TrueThing] = ()) -> list[dict[str, Any]]:
    """What the browser draws over the picture, ready for JSON: boxes in pixels, each with its colour and name.

    Args:
        moment: to show.
        things: those that are truly there, to be named, too.
    """
    boxes = [
        {"box": [*sighting.answer.box], "colour": colour, "name": _name(sighting.answer.verdict), "dashed": False}
        for sighting, colour in zip(moment.sightings, COLOURS, strict=False)
        if sighting.answer.box.width
    ]
    truths = [
        {"box": [*thing.box], "colour": TRUE_COLOUR, "name": thing.name, "dashed": True}
        for thing in things
        if thing.box.width
    ]
    return boxes + truths


def _name(verdict: Verdict) -> str:
    return "" if verdict is Verdict.FOUND else f"{verdict.label}?" if verdict is Verdict.UNCERTAIN else verdict.label
