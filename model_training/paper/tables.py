"""The paper's Tables 3 to 8 in Markdown, with our rows beside its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from model_training.paper.markdown_table import markdown_table
from model_training.scoring.metrics import THRESHOLDS

PRECISION_AT = tuple(f"P@{threshold}" for threshold in THRESHOLDS)
COUNTS = ("expressions", "both empty")
"""Figures that are numbers of expressions, not shares of them."""
THEIRS, WITHOUT_CLIP = "Ye et al.", "Ye et al., without CFSA"


@dataclass(frozen=True)
class Row:
    """One method on one split; shares in percent, in the order of the table's columns."""

    method: str
    split: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Table:
    """A table of the paper."""

    title: str
    columns: tuple[str, ...]
    """Names of the figures in the columns."""
    rows: tuple[Row, ...] = ()
    with_split: bool = True
    decimals: int = 2


IMAGES = (*PRECISION_AT, "overall IoU")
VIDEOS = (*PRECISION_AT, "overall IoU", "mean IoU")

TABLES: dict[str, Table] = {
    "UNC": Table(
        "Table 3: UNC",
        IMAGES,
        (
            Row(THEIRS, "val", (69.24, 62.46, 53.34, 37.84, 11.99, 58.92)),
            Row(THEIRS, "testA", (73.87, 67.76, 58.53, 40.52, 12.04, 62.01)),
            Row(THEIRS, "testB", (64.55, 56.62, 47.11, 34.41, 12.78, 56.03)),
        ),
    ),
    "UNC+": Table(
        "Table 4: UNC+",
        IMAGES,
        (
            Row(THEIRS, "val", (45.48, 38.44, 30.08, 19.77, 5.63, 43.87)),
            Row(THEIRS, "testA", (51.41, 43.19, 34.40, 23.65, 6.08, 47.79)),
            Row(THEIRS, "testB", (37.57, 30.89, 23.95, 15.32, 5.26, 38.33)),
        ),
    ),
    "G-Ref (google)": Table("Table 5: G-Ref", IMAGES, (Row(THEIRS, "val", (44.71, 37.26, 29.10, 19.02, 5.59, 42.84)),)),
    "ReferIt": Table("Table 6: ReferIt", IMAGES, (Row(THEIRS, "test", (58.25, 51.04, 42.12, 29.96, 13.25, 63.99)),)),
    "A2D-Sentences": Table(
        "Table 7: A2D Sentences",
        VIDEOS,
        (
            Row(WITHOUT_CLIP, "test", (46.7, 38.5, 27.9, 13.6, 1.7, 59.2, 40.5)),
            Row(THEIRS, "test", (48.7, 43.1, 35.8, 23.1, 5.2, 61.8, 43.2)),
        ),
        with_split=False,
        decimals=1,
    ),
    "JHMDB-Sentences": Table(
        "Table 8: JHMDB Sentences",
        VIDEOS,
        (
            Row(WITHOUT_CLIP, "test", (76.0, 60.4, 36.4, 6.4, 0.0, 60.6, 57.0)),
            Row(THEIRS, "test", (76.4, 62.5, 38.9, 9.0, 0.1, 62.8, 58.1)),
        ),
        with_split=False,
        decimals=1,
    ),
}
"""Name of a data set, as given by its reader -> table."""


def table_of(name: str) -> Table:
    """The table of a data set; a new one in the layout of Table 3 if the paper has none."""
    return TABLES.get(name, Table(name, IMAGES))


def markdown(table: Table, method: str, splits: Mapping[str, Mapping[str, float]]) -> str:
    """A table with the paper's rows and ours, split by split, and below it a line per split with the other figures.

    Args:
        table: the paper's table.
        method: name of our method.
        splits: split -> figures by name, shares in [0, 1].
    """
    heads = ["Method", *(["Set"] if table.with_split else []), *(_head(name) for name in table.columns)]
    rows = []
    for split, figures in splits.items():
        ours = Row(method, split, tuple(100 * figures.get(name, float("nan")) for name in table.columns))
        for row in (*(row for row in table.rows if row.split == split), ours):
            cells = [f"{value:.{table.decimals}f}" for value in row.values]
            rows.append([row.method, *([row.split] if table.with_split else []), *cells])
    lines = [table.title, "", markdown_table(heads, rows, len(heads) - len(table.columns)), ""]
    for split, figures in splits.items():
        rest = [
            f"{name} {value:g}" if name in COUNTS else f"{name} {100 * value:.{table.decimals}f}"
            for name, value in figures.items()
            if name not in table.columns
        ]
        lines.append(f"{split}: {', '.join(rest)}")
    return "\n".join(lines)


def _head(name: str) -> str:
    return name.replace("P@", "prec@").replace("overall", "Overall").replace("mean", "Mean")
