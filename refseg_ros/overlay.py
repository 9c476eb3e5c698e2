"""Answers drawn over their image, for people."""

from __future__ import annotations

import cv2
import numpy as np

from refseg_ros.answer import Answer, Verdict

TINT = 0.45
"""Share of the verdict's colour in the pixels of the mask."""

_COLOURS = {  # RGB
    Verdict.FOUND: (40, 200, 80),
    Verdict.UNCERTAIN: (255, 170, 0),
    Verdict.NOT_FOUND: (225, 70, 60),
    Verdict.NOT_UNDERSTOOD: (150, 150, 150),
    Verdict.STALE: (150, 150, 150),
}
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LONGEST_TEXT = 200  # characters that are looked at; no line holds more


def draw(image: np.ndarray, *answers: Answer) -> np.ndarray:
    """Draw of each answer mask, outline and box, and a line with verdict, score and expression.

    Args:
        image: (H, W, 3) uint8 RGB; it is not changed.
        answers: for this image.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ValueError: an answer's mask is not of the image's size.
    """
    canvas = np.array(image, order="C")
    for answer in answers:
        _draw_mask(canvas, answer)
    top = 0
    for answer in answers:
        top = _draw_line(canvas, answer, top)
    return canvas


def _draw_mask(canvas: np.ndarray, answer: Answer) -> None:
    if canvas.shape[:2] != answer.mask.shape:
        raise ValueError(f"an answer of {answer.mask.shape} cannot be drawn on an image of {canvas.shape[:2]}")
    if not answer.box.width:
        return
    colour = _COLOURS[answer.verdict]
    thickness = max(1, round(min(canvas.shape[:2]) / 240))
    x, y, width, height = answer.box
    mask = answer.mask[y : y + height, x : x + width]
    inside = canvas[y : y + height, x : x + width]
    tinted = cv2.addWeighted(inside, 1.0 - TINT, np.full_like(inside, colour), TINT, 0.0)
    inside[:] = np.where(mask[..., None] > 0, tinted, inside)
    outline, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(x, y))
    cv2.drawContours(canvas, outline, -1, colour, thickness)
    cv2.rectangle(canvas, (x, y), (x + width - 1, y + height - 1), (255, 255, 255), thickness)


def _draw_line(canvas: np.ndarray, answer: Answer, top: int) -> int:
    """Write the line onto a dark bar, shortened to the width of the image; the row below it."""
    scale = min(2.0, max(0.35, min(canvas.shape[:2]) / 800))
    thickness = max(1, round(2 * scale))
    verdict = answer.verdict.name.replace("_", " ").lower()
    line = _shorten(f"{verdict} {answer.score:.2f}  {_printable(answer.text)}", canvas.shape[1] - 8, scale, thickness)
    (_, height), below = cv2.getTextSize(line or " ", _FONT, scale, thickness)
    bar = canvas[top : top + height + below + 8]
    bar[:] = bar // 4
    cv2.putText(canvas, line, (4, top + height + 4), _FONT, scale, _COLOURS[answer.verdict], thickness, cv2.LINE_AA)
    return top + len(bar)


def _printable(text: str) -> str:
    """One line of the characters that OpenCV's font has; "?" stands for any other."""
    line = " ".join(text[:_LONGEST_TEXT].split())
    return "".join(character if " " <= character <= "~" else "?" for character in line)


def _shorten(line: str, width: int, scale: float, thickness: int) -> str:
    """The longest beginning of a line that is at most `width` pixels wide; dots show that something is missing."""
    line = line[:_LONGEST_TEXT]
    if cv2.getTextSize(line, _FONT, scale, thickness)[0][0] <= width:
        return line
    while line and cv2.getTextSize(line + "...", _FONT, scale, thickness)[0][0] > width:
        line = line[:-1]
    return line and line + "..."
