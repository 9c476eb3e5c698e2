"""Adds the pages outside docs/ to the site, with links that work there. mkdocs.yml names this file."""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.rst": "changelog.md",
    "examples/README.md": "examples.md",
    "refseg_ros/models/tabletop/README.md": "card.md",
    "refseg_ros/models/household/README.md": "household.md",
}
"""Path in the repository -> page of the site."""

PICTURE = re.compile(r'<img src="([^"]+)" alt="([^"]+)" width="(\d+)">')
"""A picture of a given width, in the only form that GitHub knows."""
LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    for source, page in PAGES.items():
        text = (ROOT / source).read_text("utf-8")
        if source.endswith(".rst"):
            text = _from_rst(text)
        text = PICTURE.sub(r"![\2](\1){width=\3}", text)
        folder = (ROOT / source).parent
        content = LINK.sub(lambda match, folder=folder: _on_site(match, folder), text)
        files.append(File.generated(config, page, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Let the pages of docs/ link to those outside it."""
    if page.file.src_uri in PAGES.values():
        return markdown
    return LINK.sub(lambda match: _on_site(match, ROOT / "docs"), markdown)


def _on_site(match: re.Match[str], folder: Path) -> str:
    """A link that works on the site. Code is not part of the site: a link to it becomes its text."""
    text, place, anchor = match.groups()
    target = (folder / place).resolve()
    if not target.exists():  # dead: the site's check names it
        return match[0]
    path = target.relative_to(ROOT).as_posix()
    page = PAGES.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else None)
    return f"[{text}]({page}{anchor or ''})" if page else text


def _from_rst(text: str) -> str:
    """The few forms that the changelog has, as Markdown."""
    lines = [line for line in text.splitlines() if not line.startswith("^^^")]
    return "# " + "\n".join(lines).strip().replace("``", "`") + "\n"
