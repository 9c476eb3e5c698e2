"""A table in Markdown."""

from __future__ import annotations

from collections.abc import Sequence


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1) -> str:
    """Format a table.

    Args:
        header: of the columns.
        rows: each as long as the header.
        texts: how many columns, from the left, hold texts; those of numbers behind them are aligned to the right.
    """
    rule = [*["---"] * texts, *["---:"] * (len(header) - texts)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rows))
