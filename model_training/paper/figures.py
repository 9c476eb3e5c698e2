"""The paper's pictures of the network's attention as PNG files: Figures 2, 5, 6 and 7."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from model_training.paper.figure_file import write_figure
from model_training.paper.insight import Insight

MASK_COLOUR = (0, 205, 255)
MASK_SHARE = 0.55
HEAT_SHARE = 0.5
IMAGE_WIDTH = 3.0
"""Inches."""
WORD_WIDTH = 0.62
_TITLE = {"fontsize": 9, "loc": "left", "pad": 4, "parse_math": False}


def expressions_figure(
    image: np.ndarray, insights: Sequence[Insight], truths: Sequence[np.ndarray | None], path: Path
) -> None:
    """Figures 2 and 5, a row per expression: image, word attention, heat map, mask, and the truth if it is known.

    Args:
        image: (H, W, 3) uint8 RGB.
        insights: one for each expression.
        truths: (H, W) bool masks, one for each expression.
        path: of the PNG file.

    Raises:
        OSError: the file cannot be written.
    """
    words = max(2.6, WORD_WIDTH * max(len(one.answer.words) for one in insights))
    widths = [IMAGE_WIDTH, words, IMAGE_WIDTH, IMAGE_WIDTH]
    if any(truth is not None for truth in truths):
        widths.append(IMAGE_WIDTH)
    figure, axes = _grid(widths, [_height(image)] * len(insights))
    for row, one, truth in zip(axes, insights, truths, strict=True):
        _show(row[0], image, f'"{one.answer.text}"')
        _show_words(row[1], one)
        _show(row[2], heated(image, one.heat), "spatial response")
        _show(row[3], masked(image, one.answer.mask > 0), _verdict(one))
        if truth is not None:
            _show(row[4], masked(image, truth), "truth")
        elif len(row) > 4:
            row[4].set_axis_off()
    write_figure(figure, path)


def heat_figure(image: np.ndarray, insights: Sequence[Insight], path: Path) -> None:
    """Figure 7: an image beside the response to each expression."""
    pictures = [(image, "image"), *((heated(image, one.heat), f'"{one.answer.text}"') for one in insights)]
    columns = min(4, len(pictures))
    rows = -(-len(pictures) // columns)
    figure, axes = _grid([IMAGE_WIDTH] * columns, [_height(image)] * rows)
    for axis in axes.ravel():
        axis.set_axis_off()
    for axis, (picture, title) in zip(axes.ravel(), pictures, strict=False):
        _show(axis, picture, title)
    write_figure(figure, path)


def video_figure(
    frames: Sequence[np.ndarray], times: Sequence[float], insights: Sequence[Sequence[Insight]], path: Path
) -> None:
    """Figure 6, a row per expression: word attention (mean over the frames), and frames with their masks.

    Args:
        frames: each (H, W, 3) uint8 RGB, of one size.
        times: of the frames, in seconds.
        insights: for each expression, one per frame.
        path: of the PNG file.
    """
    words = max(2.6, WORD_WIDTH * max(len(row[0].answer.words) for row in insights))
    width = 0.75 * IMAGE_WIDTH
    figure, axes = _grid([words] + [width] * len(frames), [_height(frames[0], width) + 0.15] * len(insights))
    for row, ones in zip(axes, insights, strict=True):
        _show_words(row[0], *ones)
        row[0].set_title("\n".join(textwrap.wrap(f'"{ones[0].answer.text}"', int(words * 14))), **_TITLE)
        for axis, frame, time, one in zip(row[1:], frames, times, ones, strict=True):
            _show(axis, masked(frame, one.answer.mask > 0), f"{time:.1f} s: {_verdict(one)}")
    write_figure(figure, path)


def clip_figure(frames: Sequence[np.ndarray], ages: Sequence[float], insight: Insight, path: Path) -> None:
    """The frames of a clip, and below each its weights in CFSA at every level.

    Args:
        frames: T of them, each (H, W, 3) uint8 RGB, the target last.
        ages: their times relative to the target, in seconds.
        insight: its `frame_weights` are drawn; they are the same for all expressions.
        path: of the PNG file.
    """
    width = 0.75 * IMAGE_WIDTH
    figure, axes = _grid([width] * len(frames), [_height(frames[0], width), 1.2])
    levels = [f"l{number + 1}" for number in range(len(insight.frame_weights))]
    most = 1.15 * float(insight.frame_weights.max())
    for index, (frame, age) in enumerate(zip(frames, ages, strict=True)):
        _show(axes[0, index], frame, f"{age:+.1f} s" if age else "target")
        axis = axes[1, index]
        bars = axis.bar(levels, insight.frame_weights[:, index], color=_viridis(len(levels)))
        axis.bar_label(bars, fmt="%.2f", fontsize=7)
        axis.set_ylim(0, most)
        axis.axhline(1 / len(frames), color="0.5", linewidth=0.8, linestyle="--")
        axis.tick_params(labelsize=8, labelleft=index == 0)
        axis.spines[["top", "right"]].set_visible(False)
    axes[1, 0].set_ylabel("weight (dashed: all equal)", fontsize=7)
    write_figure(figure, path)


def masked(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 RGB: the image with a mask (H, W) bool tinted and outlined."""
    canvas = image.copy()
    canvas[mask] = ((1 - MASK_SHARE) * image[mask] + MASK_SHARE * np.array(MASK_COLOUR)).astype(np.uint8)
    outline, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(canvas, outline, -1, (255, 255, 255), max(1, round(min(mask.shape) / 160)))
    return canvas


def heated(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 RGB: the image in grey under a heat map (H, W) in [0, 1]."""
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    colours = matplotlib.colormaps["jet"](np.clip(heat, 0, 1))[..., :3] * 255
    return ((1 - HEAT_SHARE) * grey + HEAT_SHARE * colours).astype(np.uint8)


def _viridis(count: int) -> np.ndarray:
    return matplotlib.colormaps["viridis"](np.linspace(0.2, 0.8, count))


def _height(image: np.ndarray, width: float = IMAGE_WIDTH) -> float:
    """Height in inches of an image of some width, with room for its title."""
    return width * image.shape[0] / image.shape[1] + 0.3


def _grid(widths: Sequence[float], heights: Sequence[float]) -> tuple[Figure, np.ndarray]:
    """A figure and its axes (rows, columns), with widths and heights in inches."""
    figure = Figure(figsize=(sum(widths), sum(heights)), layout="constrained")
    axes = figure.subplots(
        len(heights), len(widths), squeeze=False, gridspec_kw={"width_ratios": widths, "height_ratios": heights}
    )
    return figure, axes


def _show(axis: Axes, image: np.ndarray, title: str) -> None:
    axis.imshow(image)
    axis.set_axis_off()
    axis.set_title("\n".join(textwrap.wrap(title, 40)), **_TITLE)


def _show_words(axis: Axes, *insights: Insight) -> None:
    """Draw the attention of one expression, levels x words, as the mean over some frames."""
    words = insights[0].answer.words
    attention = np.mean([one.answer.word_attention for one in insights], axis=0)
    axis.imshow(attention, cmap="Blues", vmin=0, vmax=max(float(attention.max()), 1e-6), aspect="auto")
    axis.set_xticks(range(len(words)), words, rotation=35, ha="right", fontsize=9, parse_math=False)
    axis.set_yticks(range(len(attention)), [f"l{number + 1}" for number in range(len(attention))], fontsize=9)
    axis.tick_params(length=0)
    for (level, word), value in np.ndenumerate(attention):
        colour = "white" if value > 0.6 * attention.max() else "black"
        axis.text(word, level, f"{value:.2f}", ha="center", va="center", fontsize=7, color=colour)
    axis.set_title("attention over the words", **_TITLE)


def _verdict(insight: Insight) -> str:
    return f"{insight.answer.verdict.label} {insight.answer.score:.2f}"
