"""Formats tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1) -> str:
    """Format a table.

    Args:
        header: of the columns.
        rows: each as long as the header.
        texts: number of text columns, on the left; the number columns after them are aligned right.
    """
    rule = [*["---"] * texts, *["---:"] * (len(header) - texts)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rows))
