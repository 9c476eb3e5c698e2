"""Every test that docs/faults.md names is one."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "faults.md"


@cache
def defined_in(file: Path) -> set[str]:
    tree = ast.parse(file.read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_test_that_the_page_names_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE.read_text())
    assert len(named) > 50
    assert not [f"{file}::{name}" for file, name in named if name not in defined_in(TESTS / file)]


def test_every_fault_has_a_test() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and not line.startswith("|--")]
    headings = [line for line in rows if line.endswith("| tests |")]
    assert len(headings) == 3
    assert not [row for row in rows if row not in headings and "::test_" not in row.split("|")[-2]]
