"""The bags that most tests search."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.search.bags import IMAGES, record


@pytest.fixture
def bags(tmp_path: Path) -> Path:
    """Raw images, compressed ones, and a bag with two topics."""
    folder = tmp_path / "bags"
    folder.mkdir()
    record(folder / "raw", IMAGES)
    record(folder / "compressed", IMAGES[1:], compressed=True)
    record(folder / "two", IMAGES[2:], ("/front", "/back"))
    return folder
