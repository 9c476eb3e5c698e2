from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refseg_ros.text import printable


@given(st.text())
def test_nothing_but_printable_characters_is_left(text):
    shown = printable(text)
    assert shown.isprintable() and len(shown) <= len(text)
    assert printable(shown) == shown


@pytest.mark.parametrize("text", ["the red mug", "das größte Brot", "赤い コップ"])
def test_ordinary_text_stays(text):
    assert printable(text) == text


def test_a_hostile_file_name_is_reported_in_one_line_without_its_escapes(tmp_path):
    name = tmp_path / "\x1b[2Jphoto\n\u202e.png"
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    line = [sys.executable, "-m", "refseg_ros.segment", str(name), "the \x1b[31mmug\x07"]
    result = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert result.returncode == 2 and result.stderr.count("\n") == 1
    assert result.stderr[:-1].isprintable() and "there is no such file" in result.stderr
