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
_UNKNOWN = (150, 150, 150)
_DOTS = "..."
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LONGEST_TEXT = 200  # characters that are looked at; no line holds more


def draw(image: np.ndarray, *answers: Answer, age: float | None = None, rate: float | None = None) -> np.ndarray:
    """Draw of each answer mask, outline and box, and a line with verdict, score and expression.

    Under each word that the network read stands a bar, as high as the attention that the word got beside the others.

    Args:
        image: (H, W, 3) uint8 RGB; it is not changed.
        answers: for this image.
        age: of the image, in seconds, to be shown below it.
        rate: images that are answered per second, to be shown beside it.

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
    shown += [] if rate is None else [f"{rate:.1f} images/s"]
    if shown:
        height = _row_height(canvas)
        _draw_line(canvas, "  ".join(shown), max(0, canvas.shape[0] - height), height, (255, 255, 255))
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


def _draw_answer(canvas: np.ndarray, answer: Answer, top: int) -> int:
    """Write the answer onto a dark bar at a row, and its attention under its words; the row below it."""
    scale, thickness = _font(canvas)
    head = f"{answer.verdict.label} {answer.score:.2f}  "
    words = [_printable(word) for word in answer.words]
    text_height, bar_height = _row_height(canvas), max(3, round(16 * scale)) if words else 0
    line = head + (" ".join(words) or _printable(answer.text))
    shown = _draw_line(canvas, line, top, text_height + bar_height, _COLOURS[answer.verdict])
    if not words:
        return top + text_height
    weights = answer.word_attention.mean(axis=0)
    for word, share in zip(words, weights / max(float(weights.max()), 1e-9), strict=True):
        left, right = (cv2.getTextSize(part, _FONT, scale, thickness)[0][0] for part in (head, head + word))
        head += f"{word} "
        if len(head) - 1 > shown:
            break
        height = max(1, round(float(share) * (bar_height - 2)))
        colour = _UNKNOWN if word in answer.unknown_words else _COLOURS[answer.verdict]
        canvas[top + text_height : top + text_height + height, 4 + left : 4 + right] = colour
    return top + text_height + bar_height


def _draw_line(canvas: np.ndarray, line: str, top: int, height: int, colour: tuple[int, int, int]) -> int:
    """Write a line onto a dark bar at a row, shortened to the width of the image; how many of its characters."""
    scale, thickness = _font(canvas)
    kept = _shorten(line, canvas.shape[1] - 8, scale, thickness)
    bar = canvas[top : top + height]
    bar[:] = bar // 4
    baseline = top + 4 + cv2.getTextSize("X", _FONT, scale, thickness)[0][1]
    cv2.putText(canvas, kept, (4, baseline), _FONT, scale, colour, thickness, cv2.LINE_AA)
    return len(kept) if kept == line else max(0, len(kept) - len(_DOTS))


def _font(canvas: np.ndarray) -> tuple[float, int]:
    """Scale and thickness of the letters, by the size of the image."""
    scale = min(2.0, max(0.35, min(canvas.shape[:2]) / 800))
    return scale, max(1, round(2 * scale))


def _row_height(canvas: np.ndarray) -> int:
    (_, height), below = cv2.getTextSize("X", _FONT, *_font(canvas))
    return height + below + 8


def _printable(text: str) -> str:
    """One line of the characters that OpenCV's font has; "?" stands for any other."""
    line = " ".join(text[:_LONGEST_TEXT].split())
    return "".join(character if " " <= character <= "~" else "?" for character in line)


def _shorten(line: str, width: int, scale: float, thickness: int) -> str:
    """The longest beginning of a line that is at most `width` pixels wide; dots show that something is missing."""
    line = line[:_LONGEST_TEXT]
    if cv2.getTextSize(line, _FONT, scale, thickness)[0][0] <= width:
        return line
    while line and cv2.getTextSize(line + _DOTS, _FONT, scale, thickness)[0][0] > width:
        line = line[:-1]
    return line and line + _DOTS
