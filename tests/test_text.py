from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refseg_ros.text import printable, without_password


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


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://admin:secret@10.0.0.5/s", "rtsp://...@10.0.0.5/s"),
        ("rtsp://admin:p@ss@10.0.0.5/s", "rtsp://...@10.0.0.5/s"),
        ("rtsp:/admin:p@ss@10.0.0.5/s", "rtsp:/...@10.0.0.5/s"),
        ("rtsp://h:554/user=admin&password=secret&channel=1", "rtsp://h:554/user=admin&password=...&channel=1"),
        ("rtsp://h/user=admin_password=tlJwpbo6_channel=1.sdp", "rtsp://h/user=admin_password=..."),
        ("http://h/video?usr=admin&PWD=secret", "http://h/video?usr=admin&PWD=..."),
    ],
)
def test_a_password_in_an_address_is_not_shown(address, shown):
    assert without_password(address) == shown
    assert without_password(f"node -p source:={address} -p loop:=true") == f"node -p source:={shown} -p loop:=true"


@pytest.mark.parametrize(
    "text", ["simulation", "0", "/dev/video0", "clip@home.mp4", "rtsp://10.0.0.5:554/a@b", "a://b c@d"]
)
def test_what_holds_no_password_is_shown_whole(text):
    assert without_password(text) == text
