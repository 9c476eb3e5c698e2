"""Draws samples of a data set on one picture: each frame with the mask and the text of one of its expressions."""

from __future__ import annotations

import cv2
import numpy as np

from model_training.datasets.sample import Reader, Sample
from refseg_ros.geometry import Letterbox
from refseg_ros.text import drawable

WIDTH, HEIGHT, TEXT_HEIGHT = 320, 240, 40
"""Size of a cell, in pixels."""

COLUMNS = 4
TINT = 0.2
"""Share of the mask's colour in its pixels; low, so that the picture stays visible."""

_TINT = np.array([255, 60, 60], np.float32)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def contact_sheet(readers: list[Reader], cells: int = 12) -> np.ndarray:
    """Draw samples spread evenly over each data set.

    Args:
        readers: one or more; each begins a new row.
        cells: most samples of each.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ValueError, OSError: a sample cannot be read; the message names the file.
    """
    rows = []
    for reader in readers:
        count = min(cells, len(reader.records))
        numbers = [index * len(reader.records) // count for index in range(count)]
        drawn = [_cell(reader, number, turn) for turn, number in enumerate(numbers)]
        drawn += [np.full_like(drawn[0], 255)] * (-len(drawn) % COLUMNS)
        rows += [np.hstack(drawn[start : start + COLUMNS]) for start in range(0, len(drawn), COLUMNS)]
    return np.vstack(rows)


def _cell(reader: Reader, number: int, turn: int) -> np.ndarray:
    record = reader.records[number]
    expression = turn * 7 % len(record.expressions)  # a different expression index in each cell
    sample = reader.load(record)
    fit = Letterbox.fit(*sample.frames.shape[1:3], HEIGHT, WIDTH)
    image = fit.apply(sample.frames[-1], padding=255)
    state = "masks not published" if sample.masks is None else _paint(image, fit, sample, expression)
    text = record.expressions[expression].text
    canvas = np.full((HEIGHT + TEXT_HEIGHT, WIDTH, 3), 255, np.uint8)
    canvas[:HEIGHT] = image
    for line, (words, colour) in enumerate(((text, (0, 0, 0)), (f"{record.id}  {state}".strip(), (110, 110, 110)))):
        cv2.putText(canvas, drawable(words)[:52], (4, HEIGHT + 15 + 18 * line), _FONT, 0.38, colour, 1, cv2.LINE_AA)
    return canvas


def _paint(image: np.ndarray, fit: Letterbox, sample: Sample, expression: int) -> str:
    """Tint the mask and draw its outline; return a note if the mask is empty, else ""."""
    mask = sample.mask_of(expression)
    if not mask.any():
        return "not there"
    area = fit.apply(mask.astype(np.uint8) * 255, padding=0)
    share = (area.astype(np.float32) / 255 * TINT)[..., None]
    image[:] = (image * (1 - share) + _TINT * share).astype(np.uint8)
    outline, _ = cv2.findContours((area > 127).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(image, outline, -1, (255, 255, 0), 1)
    return ""
