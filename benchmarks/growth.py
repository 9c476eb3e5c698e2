"""How the cost of a frame grows with words, queries, cameras and the size of the image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from benchmarks.measuring import CORES, TEXT, Effort, Table, in_turn, milliseconds, ratio
from refseg_ros import Segmenter
from refseg_ros.engines.bundle import TABLETOP

WORDS = (1, 5, 10, 16)
QUERIES = (1, 2, 4, 8)
CAMERAS = (1, 2, 4)
SIZES = ((320, 240), (640, 480), (1280, 720), (1920, 1080), (3840, 2160))
EXPRESSION = "red mug on the left of the big blue bowl with the small green ball left"
"""An expression of sixteen words."""
THINGS = ("mug", "bowl", "can", "book", "ball", "block", "plate", "bottle")


def picture(width: int, height: int) -> np.ndarray:
    """A random image, (H, W, 3) uint8."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def frame(segmenter: Segmenter, texts: Sequence[str], image: np.ndarray) -> Callable[[], object]:
    """A step that takes an image and answers some expressions on it."""

    def step() -> None:
        stream = segmenter.stream()
        stream.observe(image, 0.0)
        stream.answer(texts)

    return step


def grown(title: str, column: str, steps: dict[str, Callable[[], object]], effort: Effort) -> Table:
    """A table that compares steps with the first of them."""
    times = in_turn(steps, effort)
    first = next(iter(times.values()))
    table = Table(title, [column, "ms", "of the first line"])
    for name, values in times.items():
        table.rows.append([name, milliseconds(values), f"{ratio(values, first):.2f} x"])
    return table


def queries(segmenter: Segmenter, effort: Effort) -> Table:
    """The table of expressions on one frame."""
    image = picture(640, 480)
    texts = [f"{TEXT} {thing}" for thing in THINGS]
    times = in_turn({str(many): frame(segmenter, texts[:many], image) for many in QUERIES}, effort)
    one = times["1"]
    table = Table(
        "Expressions of six words on one frame",
        ["expressions", "ms", "of one", "each further one, of the first"],
        labels=("expressions on one frame", "ms"),
    )
    for many in QUERIES:
        values = times[str(many)]
        further = (ratio(values, one) - 1) / (many - 1) if many > 1 else 0.0
        shown = f"{further:.2f}" if many > 1 else ""
        table.rows.append([str(many), milliseconds(values), f"{ratio(values, one):.2f} x", shown])
        table.figures["queries"] = max(further, table.figures.get("queries", 0.0))
    table.curves["shipped model"] = (list(map(float, QUERIES)), [float(1e3 * np.median(t)) for t in times.values()])
    return table


def cameras(segmenter: Segmenter, effort: Effort) -> Table:
    """The table of several cameras, in one batch against one by one."""
    table = Table(
        "Cameras encoded in one batch against one by one (letterbox, encoder, clip)",
        ["cameras", "one by one ms", "in one batch ms", "one by one is"],
    )
    image = picture(640, 480)
    for many in CAMERAS:
        streams = [segmenter.stream() for _ in range(many)]

        def apart(streams: list = streams) -> None:
            for stream in streams:
                stream.observe(image, 0.0)

        together = partial(segmenter.observe, streams, [image] * many, [0.0] * many)
        times = in_turn({"apart": apart, "together": together}, effort)
        table.rows.append(
            [
                str(many),
                milliseconds(times["apart"]),
                milliseconds(times["together"]),
                f"{ratio(times['apart'], times['together']):.2f} x the batch",
            ]
        )
    return table


def measure(effort: Effort) -> list[Table]:
    """The tables of growth."""
    segmenter = Segmenter(model=str(TABLETOP), threads=CORES, device="cpu")
    image, words = picture(640, 480), EXPRESSION.split()
    by_words = {str(many): frame(segmenter, [" ".join(words[:many])], image) for many in WORDS}
    by_size = {f"{width}x{height}": frame(segmenter, [TEXT], picture(width, height)) for width, height in SIZES}
    return [
        queries(segmenter, effort),
        grown("Words of one expression, a still image of 640x480", "words", by_words, effort),
        grown("Size of a still image, one expression of five words", "pixels", by_size, effort),
        cameras(segmenter, effort),
    ]
