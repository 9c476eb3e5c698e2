"""Namespaces as people write them in the arguments of the launch files; these are started in test_launch.py."""

from __future__ import annotations

import pytest

from refseg_ros.ros.namespaces import bare


@pytest.mark.parametrize(
    ("written", "meant"),
    [("", ""), (" ", ""), ("/", ""), ("left", "left"), ("/left", "left"), (" /robot/left/ ", "robot/left")],
)
def test_a_namespace_is_bare(written: str, meant: str) -> None:
    assert bare(written) == meant
