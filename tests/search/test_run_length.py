"""Masks as run lengths: what pycocotools writes and reads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco

from refseg_ros.search.run_length import decode, encode

MASKS = arrays.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.sampled_from([0, 255]))


@given(MASKS)
def test_it_is_what_pycocotools_writes(mask: np.ndarray) -> None:
    assert encode(mask) == coco.encode(np.asfortranarray(mask // 255))["counts"].decode()


@given(MASKS)
def test_it_comes_back(mask: np.ndarray) -> None:
    assert np.array_equal(decode(encode(mask), *mask.shape), mask)
    assert np.array_equal(coco.decode({"size": list(mask.shape), "counts": encode(mask)}) * 255, mask)


@pytest.mark.parametrize("value", [0, 255])
def test_large_masks_of_one_value_are_short(value: int) -> None:
    mask = np.full((4000, 3000), value, np.uint8)
    assert len(encode(mask)) < 10 and np.array_equal(decode(encode(mask), 4000, 3000), mask)


@pytest.mark.parametrize("counts", ["", "1", "0", "PPYo1o"])
def test_runs_of_another_size_are_refused(counts: str) -> None:
    with pytest.raises(ValueError, match="4x3 pixels"):
        decode(counts, 3, 4)
