"""The reliability diagram of a model's answers as a PNG file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from model_training.paper.figure_file import write_figure
from model_training.scoring.reliability import RIGHT, Claim, curve


def reliability_figure(sets: Mapping[str, Sequence[Claim]], found: float, path: Path) -> None:
    """Draw the curve of each set of answers, with the number of answers beside each point.

    Args:
        sets: of answers, by their names.
        found: score below which no answer is FOUND.
        path: of the PNG file.

    Raises:
        OSError: the file cannot be written.
    """
    figure = Figure(figsize=(5.2, 5.8), layout="constrained")
    axes = figure.add_subplot(xlim=(0, 1), ylim=(0, 1), xlabel="score", ylabel=f"share with IoU {RIGHT:g} or more")
    axes.plot((0, 1), (0, 1), color="0.7", linewidth=1, label="as sure as right")
    axes.axvline(found, color="0.4", linestyle=":", label="no FOUND below")
    for name, made in sets.items():
        means, shares, counts = curve(made)
        (line,) = axes.plot(means, shares, marker="o", markersize=4, label=f"{name}: {len(made)} answers")
        style = {"fontsize": 7, "color": line.get_color()}
        for mean, share, count in zip(means, shares, counts, strict=True):
            axes.annotate(str(count), (mean, share), (4, -10), textcoords="offset points", **style)
    figure.legend(fontsize=8, loc="outside lower center")
    write_figure(figure, path)
