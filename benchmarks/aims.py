"""The figures to reach, and which were reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.measuring import Table


@dataclass(frozen=True)
class Aim:
    """A figure to reach."""

    what: str
    limit: float
    form: str
    """How a figure is shown, with `{}` where the number goes."""
    least: bool = False
    """Whether the limit is the least that will do, and not the most."""

    def reached_by(self, figure: float) -> bool:
        """Tell whether a figure will do."""
        return figure >= self.limit if self.least else figure <= self.limit


_FASTER, _OF_IT, _MILLISECONDS = "{:.3g} times faster", "{:.2f} of it", "{:.1f} ms"

AIMS = {
    "cmsa 400": Aim("CMSA, pooled against materialised, P = 400, N = 20, d = 512", 15, _FASTER, True),
    "cmsa 1600": Aim("CMSA, pooled against materialised, P = 1600, N = 20, d = 512", 60, _FASTER, True),
    "cmsa 1600 memory": Aim("the same, memory", 100, "{:.3g} times less", True),
    "clip 30": Aim("a frame with a clip of 11 against a single image, camera at 30 Hz", 1.5, "{:.2f} times"),
    "clip 5": Aim("the same, camera at 5 Hz", 1.5, "{:.2f} times"),
    "queries": Aim("second to eighth expression on a frame, each, against the first", 0.20, _OF_IT),
    "clipseg": Aim("`tabletop` against CLIPSeg (ViT-B/16, 352x352), each as published", 8, _FASTER, True),
    "detector": Aim("the same against a detector and a segmenter", 200, _FASTER, True),
    "search": Aim("searching bags, two workers against one on two cores", 1.8, _FASTER, True),
    "node": Aim("the node's own share over an echo node, 640x480, median", 5, _MILLISECONDS),
    "node 99": Aim("the same, 99th percentile", 10, _MILLISECONDS),
    "start": Aim("a node from process start to active, with the model loaded", 1.5, "{:.2f} s"),
    "memory": Aim("memory of the node at 30 Hz", 200, "{:.0f} MB"),
    "soak memory": Aim("growth of the node's memory while it is watched at 30 Hz", 1, "{:.1f} MB"),
    "soak age": Aim(
        "the oldest frame at 30 Hz, beyond one period and the longest inference", 0, "{:.1f} ms"
    ),
    "page": Aim("mask received to mask drawn on the live page, camera at 30 Hz, median", 60, _MILLISECONDS),
    "page cost": Aim("age of a frame's mask with a browser elsewhere, against without one", 1.1, "{:.2f} times"),
    "page here": Aim("the same with Chromium on this machine, without a GPU", 1.1, "{:.2f} times"),
    "page growth": Aim("growth of the memory of the node `web` while its page is looked at", 1, "{:.1f} MB"),
}  # fmt: skip
"""Key of a figure in a table -> its aim. Samples of memory vary by some pages, so 1 MB counts as no growth."""


def reached(figures: Mapping[str, float]) -> Table:
    """The table of what was reached."""
    table = Table("Aims", ["what", "aim", "measured", ""])
    for key, aim in AIMS.items():
        limit = ("at least " if aim.least else "at most ") + aim.form.format(aim.limit)
        if key not in figures:
            table.rows.append([aim.what, limit, "not measured", ""])
            continue
        figure = figures[key]
        table.rows.append([aim.what, limit, aim.form.format(figure), "" if aim.reached_by(figure) else "**short**"])
    return table
