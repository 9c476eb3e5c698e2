"""Run-length codes and polygons of COCO."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from model_training.datasets import coco_masks
from tests.model_training.datasets.writers import runs_of

MASKS = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(lambda shape: arrays(bool, shape))


@settings(deadline=None)
@given(MASKS)
def test_both_run_length_codes_give_the_mask_back(mask: np.ndarray) -> None:
    size = list(mask.shape)
    plain = coco_masks.encode({"counts": runs_of(mask), "size": size}, *size)
    packed = coco_masks.encode_mask(mask)
    for code in (plain, packed, coco_masks.encode({"counts": packed.decode(), "size": size}, *size)):
        np.testing.assert_array_equal(coco_masks.decode(code, *size), mask)
    assert coco_masks.checked(packed, *size) == (packed, *size)


@settings(deadline=None)
@given(MASKS, st.binary(max_size=30))
def test_no_text_is_taken_for_a_code_of_another_length(mask: np.ndarray, text: bytes) -> None:
    """COCO's own decoder would read, or write, beyond its memory."""
    try:
        code, *size = coco_masks.checked(text, *mask.shape)
    except ValueError:
        return
    assert coco_masks.decode(code, *size).shape == mask.shape


def test_polygons_are_united_and_degenerate_ones_beside_them_are_nothing() -> None:
    square, other = [1, 1, 5, 1, 5, 5, 1, 5], [3, 3, 8, 3, 8, 8, 3, 8]
    crumb = [0, 0, 1, 0, 1, 1, 0, 1]
    assert coco_masks.decode(coco_masks.encode([crumb, square], 10, 10), 10, 10).sum() == 17
    mask = coco_masks.decode(coco_masks.encode([square, other, [0, 0, 9, 9], []], 10, 12), 10, 12)
    expected = np.zeros((10, 12), bool)
    expected[1:5, 1:5] = expected[3:8, 3:8] = True
    np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize(
    "segmentation",
    [
        [[1, 2, 3, 4, 5, 6, 7]], [["a", "b"]], [[1, 2, 3, 4, float("nan"), 6]], [[0, 0, 1e9, 0, 1e9, 1e9]], [None], 3,
        {"counts": [50, 50], "size": [10, 12]}, {"counts": [130, -10], "size": [10, 12]}, {"counts": [120]},
        {"counts": [100], "size": [10, 10]}, {"counts": "zzzz", "size": [10, 12]}, {"counts": "\xe9", "size": [10, 12]},
        [], [[]], [[1, 1], [5, 1], [5, 5]], [[1, 1, 5, 5]], [[0.1, 0.1, 0.5, 0.1, 0.5, 1.0]],
    ],
)  # fmt: skip
def test_what_is_no_segmentation_is_refused(segmentation: object) -> None:
    with pytest.raises(ValueError):
        coco_masks.encode(segmentation, 10, 12)
