"""Results of an ablation as Markdown and a plot, in the layout of the paper's Tables 1 and 2, beside its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from model_training.paper.figure_file import write_figure
from model_training.paper.markdown_table import markdown_table
from model_training.paper.systems import TABLE_1, TABLE_2, VARIANTS, Group
from model_training.scoring.spread import mean_and_spread

PAPER = (
    "Ye, Rochan, Liu, Zhang and Wang, Referring Segmentation in Images and Videos with Cross-Modal Self-Attention "
    "Network, IEEE TPAMI"
)
OURS = "simulated tabletops (ours)"
Figures = Mapping[str, Sequence[float]]
"""Variant -> overall IoU in [0, 1] of each seed; NaN for a run with a loss that was not finite."""


def markdown(figures: Figures, settings: str) -> str:
    """The two tables, and one for the variants in neither.

    Args:
        figures: of the finished variants.
        settings: one line on how they were trained and scored.
    """
    parts = [
        "# Ablation",
        settings,
        f"The paper's figures are from {PAPER}: overall IoU in percent, of a DeepLab-101 that knows Pascal VOC. Ours "
        "are of a small network on simulated scenes, mean ± standard deviation over seeds (how many): only differences "
        "within a column compare.",
        "## Table 1: pooling",
        "Without multi-level fusion.",
        markdown_table(["", *TABLE_1.columns, OURS], _rows(TABLE_1, figures)),
        "## Table 2: attention, representation, fusion",
        "The first two groups without multi-level fusion. The paper says that DenseCRF refines all of its masks here, "
        "but gives 50.95 in Table 1 too, without it. Ours are not refined.",
    ]
    parts += [markdown_table([group.title, *group.columns, OURS], _rows(group, figures)) for group in TABLE_2]
    named = {row.variant for group in (TABLE_1, *TABLE_2) for row in group.rows}
    others = [name for name in VARIANTS if name in figures and name not in named]
    if others:
        switches = {name: ", ".join(f"{field} {value}" for field, value in VARIANTS[name].items()) for name in others}
        rows = [[f"{name}: {text}", mean_and_spread(figures[name])] for name, text in switches.items()]
        parts += ["## Further switches", "Of the network with CMSA and GMLF.", markdown_table(["", OURS], rows)]
    return "\n\n".join(parts) + "\n"


def _rows(group: Group, figures: Figures) -> list[list[str]]:
    return [
        [row.title, *(f"{value:.2f}" for value in row.published), mean_and_spread(figures.get(row.variant, ()))]
        for row in group.rows
    ]


def plot(figures: Figures, path: Path) -> None:
    """Plot the figures as bars, a chart per group: the paper's on UNC val in grey, ours with a dot for every seed.

    Raises:
        OSError: the file cannot be written.
    """
    groups = (TABLE_1, *TABLE_2)
    heights = [len(group.rows) for group in groups]
    figure = Figure(figsize=(8, 0.55 * sum(heights) + 2.5), layout="constrained")
    charts = figure.subplots(len(groups), 1, sharex=True, gridspec_kw={"height_ratios": heights})
    for axes, group in zip(charts, groups, strict=True):
        places = np.arange(len(group.rows))
        axes.barh(places - 0.2, [row.published[0] for row in group.rows], 0.36, color="0.75", label="paper, UNC val")
        ours = [100 * np.array(figures.get(row.variant, ())) for row in group.rows]
        axes.barh(places + 0.2, [values.mean() if len(values) else np.nan for values in ours], 0.36, label=OURS)
        for place, values in zip(places, ours, strict=True):
            axes.plot(values, np.full(len(values), place + 0.2), "k.", markersize=4)
        axes.set_yticks(places, [row.title for row in group.rows])
        axes.invert_yaxis()
        axes.set_title(group.title, loc="left", fontsize=10)
    charts[0].legend(fontsize=8, loc="lower right")
    charts[-1].set_xlabel("overall IoU, %")
    write_figure(figure, path)
