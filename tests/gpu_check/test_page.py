"""The page: a row for each finding, whatever its words hold, and what is said where it cannot be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from refseg_ros.doctor.finding import error, ok
from refseg_ros.gpu_check.page import check_page, write_page


def test_no_words_of_a_library_break_the_table(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    check_page(page)
    assert not page.exists()
    write_page(page, [ok("a GPU"), error("it said:\n<a> | <b>\n\nand more")])
    *_, first, second = page.read_text().splitlines()
    assert first == "| OK | a GPU |"
    assert second == "| ERROR | it said: &lt;a&gt; &#124; &lt;b&gt; and more |"


def test_a_page_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for page in (tmp_path, tmp_path / "nowhere" / "page.md", tmp_path / "file" / "page.md"):
        with pytest.raises(OSError) as caught:
            check_page(page)
        assert caught.value.filename == str(page)
