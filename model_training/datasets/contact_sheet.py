"""Samples of a data set on one picture: frames with the mask and the text of one of their expressions each."""

from __future__ import annotations

import cv2
import numpy as np

from model_training.datasets.sample import Reader, Sample
from refseg_ros.geometry import Letterbox

WIDTH, HEIGHT, TEXT_HEIGHT = 320, 240, 40
"""Of a cell, in pixels."""

COLUMNS = 4

_TINT = np.array([255, 60, 60], np.float32)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def contact_sheet(readers: list[Reader], cells: int = 12) -> np.ndarray:
    """Draw samples that are spread evenly over each of some data sets.

    Args:
        readers: one or more; each begins a new row.
        cells: of each, at most.

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
    expression = turn * 7 % len(record.expressions)  # another one of its expressions in each cell
    sample = reader.load(record)
    fit = Letterbox.fit(*sample.frames.shape[1:3], HEIGHT, WIDTH)
    image = fit.apply(sample.frames[-1], padding=255)
    state = "masks not published" if sample.masks is None else _paint(image, fit, sample, expression)
    text = record.expressions[expression].text
    canvas = np.full((HEIGHT + TEXT_HEIGHT, WIDTH, 3), 255, np.uint8)
    canvas[:HEIGHT] = image
    for line, (words, colour) in enumerate(((text, (0, 0, 0)), (f"{record.id}  {state}".strip(), (110, 110, 110)))):
        printable = "".join(letter if " " <= letter <= "~" else "?" for letter in words)[:52]
        cv2.putText(canvas, printable, (4, HEIGHT + 15 + 18 * line), _FONT, 0.38, colour, 1, cv2.LINE_AA)
    return canvas


def _paint(image: np.ndarray, fit: Letterbox, sample: Sample, expression: int) -> str:
    """Tint the mask and draw its outline; says when there is nothing to draw."""
    mask = sample.mask_of(expression)
    if not mask.any():
        return "not there"
    area = fit.apply(mask.astype(np.uint8) * 255, padding=0)
    share = (area.astype(np.float32) / 255 * 0.5)[..., None]
    image[:] = (image * (1 - share) + _TINT * share).astype(np.uint8)
    outline, _ = cv2.findContours((area > 127).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(image, outline, -1, (255, 255, 0), 1)
    return ""
