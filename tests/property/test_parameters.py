"""Settings: any value of any type is either taken as it is, or refused in one line by its name."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refseg_ros.ros.node_config import CameraNodeConfig, SegmentNodeConfig
from refseg_ros.web.config import WebConfig

TEXTS = st.text(st.characters(codec=None), max_size=30) | st.sampled_from(
    ["raw", "cpu", "train", "\0\x1b[2J", "x" * 10**6]
)
NUMBERS = st.integers() | st.floats() | st.sampled_from([2**63 - 1, -(2**63), 10**400])
VALUES = st.none() | st.booleans() | NUMBERS | TEXTS | st.binary(max_size=9) | st.lists(NUMBERS | TEXTS, max_size=9)
KINDS = [SegmentNodeConfig, CameraNodeConfig, WebConfig]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=400)
@given(st.data())
def test_any_value_is_taken_or_refused_in_one_line(kind: type, data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(dataclasses.fields(kind)))
    value: Any = data.draw(VALUES | VALUES.map(lambda value: (value,)))
    try:
        taken = kind(**{field.name: value})
    except ValueError as error:
        assert field.name in str(error)
        assert str(error).isprintable()
        assert len(str(error)) < 600
        return
    assert getattr(taken, field.name) == value
    assert type(value) in (bool, int, float, str, tuple)
    if field.metadata["range"]:
        least, greatest = field.metadata["range"]
        assert least <= value <= greatest
