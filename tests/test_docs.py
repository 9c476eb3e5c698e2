"""The pages build as a site, and a dead link stops them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="mkdocs-material is not installed")

ROOT = Path(__file__).parent.parent
SOURCES = ("docs", "examples", "tools", "README.md", "CONTRIBUTING.md", "CHANGELOG.rst", "mkdocs.yml")


def build(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--config-file", str(root / "mkdocs.yml")]
    return subprocess.run(
        [*command, "--site-dir", str(root / "site")], capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A copy of everything that the site is made of."""
    for name in SOURCES:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    for card in ROOT.glob("refseg_ros/models/*/README.md"):
        copy = tmp_path / card.relative_to(ROOT)
        copy.parent.mkdir(parents=True)
        shutil.copy(card, copy)
    return tmp_path


def test_every_page_is_on_the_site(pages: Path) -> None:
    built = build(pages)
    assert built.returncode == 0, built.stderr
    for page in (ROOT / "docs").glob("*.md"):
        assert (pages / "site" / page.stem / "index.html").is_file(), page.name
    start = (pages / "site" / "index.html").read_text()
    assert 'src="live.png" width="480"' in start
    assert 'href="training/"' in start and 'href="examples/"' in start and 'href="card/"' in start


def test_a_dead_link_stops_it(pages: Path) -> None:
    dead = {"README.md": "nowhere.md", "docs/training.md": "nowhere_else.md"}
    for page, link in dead.items():
        with (pages / page).open("a") as file:
            file.write(f"\nSee [the rest](docs/{link}).\n")
    built = build(pages)
    warnings = [line for line in (built.stdout + built.stderr).splitlines() if line.startswith("WARNING")]
    assert built.returncode != 0 and all(any(link in line for line in warnings) for link in dead.values()), warnings
