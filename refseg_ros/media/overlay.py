"""Answers drawn over their image, for people."""

from __future__ import annotations

import cv2
import numpy as np

from refseg_ros.answer import Answer, Verdict
from refseg_ros.text import drawable

TINT = 0.15
"""Share of the verdict's colour in the pixels of the mask; low, so that the picture stays visible."""

COLOURS = {
    Verdict.FOUND: (40, 200, 80),
    Verdict.UNCERTAIN: (255, 170, 0),
    Verdict.NOT_FOUND: (225, 70, 60),
    Verdict.NOT_UNDERSTOOD: (150, 150, 150),
    Verdict.STALE: (150, 150, 150),
}
"""RGB of the mask, the outline and the line of an answer."""
_UNKNOWN = (150, 150, 150)
_DOTS = "..."
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LONGEST_TEXT = 200  # characters; no line holds more


def draw(image: np.ndarray, *answers: Answer, age: float | None = None, rate: float | None = None) -> np.ndarray:
    """Draw the mask, outline and box of each answer, and a line with its verdict, score and expression.

    A bar under each word that the network read shows the word's attention relative to the other words.

    Args:
        image: (H, W, 3) uint8 RGB; not changed.
        answers: for this image.
        age: of the image, in seconds, written at the bottom.
        rate: images answered per second, written beside the age; None or 0 while it is unknown.

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
        top = _draw_answer(canvas, answer, top)
    shown = [] if age is None else [f"{age * 1e3:.0f} ms old"]
    shown += [f"{rate:.1f} images/s" if rate >= 1.0 else f"{rate:.2g} images/s"] if rate else []
    if shown:
        height = _row_height(canvas)
        _draw_line(canvas, "  ".join(shown), max(0, canvas.shape[0] - height), height, (255, 255, 255))
    return canvas


def heading_height(canvas: np.ndarray) -> int:
    """Pixel rows of an answer's line and of the bars under its words, on an (H, W, 3) image."""
    scale, _ = _font(canvas)
    return _row_height(canvas) + max(3, round(16 * scale))


def _draw_mask(canvas: np.ndarray, answer: Answer) -> None:
    if canvas.shape[:2] != answer.mask.shape:
        raise ValueError(f"an answer of {answer.mask.shape} cannot be drawn on an image of {canvas.shape[:2]}")
    if not answer.box.width:
        return
    colour = COLOURS[answer.verdict]
    thickness = max(1, round(min(canvas.shape[:2]) / 240))
    x, y, width, height = answer.box
    mask = answer.mask[y : y + height, x : x + width]
    inside = canvas[y : y + height, x : x + width]
    tinted = cv2.addWeighted(inside, 1.0 - TINT, np.full_like(inside, colour), TINT, 0.0)
    inside[:] = np.where(mask[..., None] > 0, tinted, inside)
    outline, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(x, y))
    cv2.drawContours(canvas, outline, -1, colour, thickness)
    cv2.rectangle(canvas, (x, y), (x + width - 1, y + height - 1), (255, 255, 255), thickness)


def _draw_answer(canvas: np.ndarray, answer: Answer, top: int) -> int:
    """Write the answer on a dark bar at row `top`, with its word attention below; return the next free row."""
    scale, thickness = _font(canvas)
    head = f"{answer.verdict.label} {answer.score:.2f}  "
    words = [drawable(word[:_LONGEST_TEXT]) for word in answer.words]
    weighed = len(words) and len(answer.word_attention)
    text_height = _row_height(canvas)
    bar_height = heading_height(canvas) - text_height if weighed else 0
    line = head + (" ".join(words) or drawable(answer.text[:_LONGEST_TEXT]))
    shown = _draw_line(canvas, line, top, text_height + bar_height, COLOURS[answer.verdict])
    if not weighed:
        return top + text_height
    weights = answer.word_attention.mean(axis=0)
    for word, share in zip(words, weights / max(float(weights.max()), 1e-9), strict=True):
        left, right = (cv2.getTextSize(part, _FONT, scale, thickness)[0][0] for part in (head, head + word))
        head += f"{word} "
        if len(head) - 1 > shown:
            break
        height = max(1, round(float(share) * (bar_height - 2)))
        colour = _UNKNOWN if word in answer.unknown_words else COLOURS[answer.verdict]
        canvas[top + text_height : top + text_height + height, 4 + left : 4 + right] = colour
    return top + text_height + bar_height


def _draw_line(canvas: np.ndarray, line: str, top: int, height: int, colour: tuple[int, int, int]) -> int:
    """Write a line on a dark bar at row `top`, cut to the image's width; return how many characters were written."""
    scale, thickness = _font(canvas)
    kept = _shorten(line, canvas.shape[1] - 8, scale, thickness)
    bar = canvas[top : top + height]
    bar[:] = bar // 4
    baseline = top + 4 + cv2.getTextSize("X", _FONT, scale, thickness)[0][1]
    cv2.putText(canvas, kept, (4, baseline), _FONT, scale, colour, thickness, cv2.LINE_AA)
    return len(kept) if kept == line else max(0, len(kept) - len(_DOTS))


def _font(canvas: np.ndarray) -> tuple[float, int]:
    """Scale and thickness of the letters for the size of the image."""
    scale = min(2.0, max(0.35, min(canvas.shape[:2]) / 800))
    return scale, max(1, round(2 * scale))


def _row_height(canvas: np.ndarray) -> int:
    (_, height), below = cv2.getTextSize("X", _FONT, *_font(canvas))
    return height + below + 8


def _shorten(line: str, width: int, scale: float, thickness: int) -> str:
    """Cut a line to at most `width` pixels; dots mark the cut."""
    line = line[:_LONGEST_TEXT]
    if cv2.getTextSize(line, _FONT, scale, thickness)[0][0] <= width:
        return line
    while line and cv2.getTextSize(line + _DOTS, _FONT, scale, thickness)[0][0] > width:
        line = line[:-1]
    return line and line + _DOTS
