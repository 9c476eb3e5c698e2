from __future__ import annotations

import dataclasses
import math

import pytest

from refseg_ros.config import SegmenterConfig


@pytest.mark.parametrize("field", dataclasses.fields(SegmenterConfig), ids=lambda field: field.name)
def test_every_setting_is_documented(field):
    assert field.metadata["description"] and field.default is not dataclasses.MISSING
    assert isinstance(field.metadata["read_only"], bool)
    if field.metadata["range"]:
        least, greatest = field.metadata["range"]
        assert least <= field.default <= greatest


@pytest.mark.parametrize(
    "wrong",
    [
        {"threads": -1},
        {"threads": 1.5},
        {"threads": True},
        {"threads": "2"},
        {"threads": 10**400},
        {"maximum_side": 0},
        {"maximum_gap": math.nan},
        {"maximum_gap": math.inf},
        {"model": None},
    ],
    ids=str,
)
def test_a_wrong_value_is_refused_by_its_name(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"^{name} is .* must be "):
        SegmenterConfig(**wrong)


def test_a_whole_number_will_do_for_a_number():
    assert SegmenterConfig(maximum_gap=1).maximum_gap == 1
