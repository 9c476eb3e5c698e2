"""What a folder of somebody's own frames looks like; docs/datasets.md has the whole of it."""

TABLE = "expressions.csv"
COLUMNS = ("image", "expression", "mask", "split")
"""Of the table; it may lack the last one."""
SPLIT = "train"
"""Split of a row that names none."""
EMPTY_TABLE = (",".join(COLUMNS) + "\n").encode()
"""A table without rows."""
