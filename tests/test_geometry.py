from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refseg_ros.geometry import Letterbox, check_image

SIZES = [(480, 640), (640, 480), (720, 1280), (1080, 1920), (1, 1), (1, 16384), (16384, 1), (37, 53), (144, 192)]
INPUT = (144, 192)
sides = st.integers(1, 700)


def inner(letterbox: Letterbox) -> tuple[slice, slice]:
    return (
        slice(letterbox.top, letterbox.top + letterbox.inner_height),
        slice(letterbox.left, letterbox.left + letterbox.inner_width),
    )


@pytest.mark.parametrize("size", SIZES)
def test_image_fills_the_inner_part_and_padding_the_rest(size):
    letterbox = Letterbox.fit(*size, *INPUT)
    laid = letterbox.apply(np.full((*size, 3), 7, np.uint8), padding=9)
    assert laid.shape == (*INPUT, 3) and laid.dtype == np.uint8
    assert (laid[inner(letterbox)] == 7).all()
    outside = np.ones(INPUT, bool)
    outside[inner(letterbox)] = False
    assert (laid[outside] == 9).all()


@given(sides, sides, st.integers(8, 300), st.integers(8, 300))
def test_inner_part_touches_a_pair_of_sides_and_keeps_the_aspect(height, width, input_height, input_width):
    letterbox = Letterbox.fit(height, width, input_height, input_width)
    assert letterbox.inner_height == input_height or letterbox.inner_width == input_width
    scale = min(input_height / height, input_width / width)
    assert abs(letterbox.inner_height - height * scale) <= 1 and abs(letterbox.inner_width - width * scale) <= 1
    assert 0 <= letterbox.top <= (input_height - letterbox.inner_height + 1) / 2
    assert 0 <= letterbox.left <= (input_width - letterbox.inner_width + 1) / 2


@settings(max_examples=60, deadline=None)
@given(sides, sides, st.sampled_from([1, 2, 3, 4, 8]))
def test_a_ramp_comes_back_as_the_ramp_in_source_pixels(height, width, stride):
    """Logits that are linear over the input are so over the source: no shift, whatever the padding and the stride."""
    letterbox = Letterbox.fit(height, width, *INPUT)
    rows = (np.arange(INPUT[0] // stride, dtype=np.float32) + 0.5) * stride
    columns = (np.arange(INPUT[1] // stride, dtype=np.float32) + 0.5) * stride
    ramp = rows[:, None] + 2 * columns[None]
    restored = letterbox.restore(ramp)
    assert restored.shape == (height, width) and restored.dtype == np.float32
    y = letterbox.top + (np.arange(height) + 0.5) * letterbox.inner_height / height
    x = letterbox.left + (np.arange(width) + 0.5) * letterbox.inner_width / width
    covered_y = (y >= rows[rows >= letterbox.top].min(initial=np.inf)) & (
        y <= rows[rows <= letterbox.top + letterbox.inner_height].max(initial=-np.inf)
    )
    covered_x = (x >= columns[columns >= letterbox.left].min(initial=np.inf)) & (
        x <= columns[columns <= letterbox.left + letterbox.inner_width].max(initial=-np.inf)
    )
    expected = y[:, None] + 2 * x[None]
    # Up to a 32nd of a logit in each direction: OpenCV before 5 rounds the positions that it reads at.
    error = np.abs(restored - expected)[covered_y][:, covered_x]
    assert error.max(initial=0) <= 3 * stride / 32 + 1e-3


@pytest.mark.parametrize("size", SIZES)
def test_padding_has_no_influence(size):
    letterbox = Letterbox.fit(*size, *INPUT)
    logits = np.full(INPUT, 1e6, np.float32)
    logits[inner(letterbox)] = -1
    assert (letterbox.restore(logits) == -1).all()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("cells", [(1, 1), (9, 12), (36, 48), (144, 192), (35, 47)])
def test_any_size_of_logits_comes_back(size, cells):
    restored = Letterbox.fit(*size, *INPUT).restore(np.full(cells, 3, np.float32))
    assert restored.shape == size and (restored == 3).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(20, 700), st.integers(20, 700), st.data())
def test_a_rectangle_goes_there_and_back(height, width, data):
    """A mask through `apply` and `restore` has its edges where they were, to within a pixel of the input."""
    letterbox = Letterbox.fit(height, width, *INPUT)
    pixel = max(height / letterbox.inner_height, width / letterbox.inner_width, 1.0)
    top = data.draw(st.integers(0, height // 2))
    left = data.draw(st.integers(0, width // 2))
    bottom = data.draw(st.integers(min(height, top + int(4 * pixel)), height))
    right = data.draw(st.integers(min(width, left + int(4 * pixel)), width))
    mask = np.zeros((height, width), np.uint8)
    mask[top:bottom, left:right] = 255
    back = letterbox.restore(letterbox.apply(mask, padding=0).astype(np.float32)) > 127.5
    wrong = np.argwhere(back != (mask > 0))
    near_row = np.minimum(np.abs(wrong[:, 0] + 0.5 - top), np.abs(wrong[:, 0] + 0.5 - bottom)) <= 1.5 * pixel
    near_column = np.minimum(np.abs(wrong[:, 1] + 0.5 - left), np.abs(wrong[:, 1] + 0.5 - right)) <= 1.5 * pixel
    assert (near_row | near_column).all()


def test_a_view_with_any_strides_is_laid_like_its_copy():
    image = np.random.default_rng(0).integers(0, 256, (100, 90, 3), np.uint8)
    letterbox = Letterbox.fit(50, 90, *INPUT)
    view = image[::-2, :, ::-1]
    assert np.array_equal(letterbox.apply(view, 0), letterbox.apply(np.ascontiguousarray(view), 0))


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((0, 0, 3), np.uint8), "0 x 0"),
        (np.zeros((0, 640, 3), np.uint8), "640 x 0"),
        (np.zeros((1, 100000, 3), np.uint8), "100000 x 1"),
        (np.zeros((4, 4), np.uint8), r"\(4, 4\) uint8"),
        (np.zeros((4, 4, 4), np.uint8), r"\(4, 4, 4\) uint8"),
        (np.zeros((4, 4, 3), np.float32), "float32"),
        (np.zeros((1, 4, 4, 3), np.uint8), r"\(1, 4, 4, 3\)"),
        ([[1, 2, 3]], "list"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_image_is_refused_with_what_was_given(image, words):
    with pytest.raises(ValueError, match=words):
        check_image(image, 16384)
