from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from refseg_ros import Verdict
from refseg_ros.media.overlay import draw

HOSTILE = ["", "x" * 10_000_000, "a\nb\tc\x00\x1b[31m", "🤖 \ud800 \u202egnirts", "%s {0} \\", " " * 1000]


@pytest.fixture
def image() -> np.ndarray:
    made = np.full((480, 640, 3), 90, np.uint8)
    made[200:300, 250:400] = (220, 10, 10)
    return made


def test_mask_is_tinted_box_drawn_and_the_rest_left(segmenter, image):
    answer = segmenter.segment(image, "the red mug")
    before = image.copy()
    drawn = draw(image, answer)
    assert drawn.shape == image.shape and drawn.dtype == np.uint8 and np.array_equal(image, before)
    assert image[250, 320, 1] + 50 > drawn[250, 320, 1] > image[250, 320, 1] + 10  # a little green over red
    assert drawn[250, 320].argmax() == 0, "what is red looks red"
    inner = drawn[answer.box.y + 20 : answer.box.y + answer.box.height - 20, 250:400]
    assert (inner == (40, 200, 80)).all(axis=2).any(), "the outline has the verdict's own colour"
    assert (drawn[answer.box.y, answer.box.x] == 255).all()
    assert np.array_equal(drawn[400:], image[400:])
    assert not np.array_equal(drawn[:30], image[:30])


def test_every_verdict_has_its_picture(segmenter, image):
    answer = segmenter.segment(image, "the red mug")
    drawn = [draw(image, dataclasses.replace(answer, verdict=verdict)) for verdict in Verdict]
    assert all(one.shape == image.shape for one in drawn)
    assert len({one.tobytes() for one in drawn}) == len(Verdict) == 5


def test_attention_stands_under_the_words(segmenter, image):
    answer = segmenter.segment(image, "the red mug")
    columns = []
    for weights in ([0.9, 0.05, 0.05], [0.05, 0.05, 0.9]):
        drawn = draw(image, dataclasses.replace(answer, word_attention=np.array([weights], np.float32)))
        bars = (drawn[:60] == (40, 200, 80)).all(axis=2)  # the colour of FOUND
        columns.append(np.nonzero(bars)[1].mean())
    assert columns[1] > columns[0] + 20


def test_age_and_rate_stand_below(segmenter, image):
    answer = segmenter.segment(image, "the red mug")
    plain, told = draw(image, answer), draw(image, answer, age=0.042, rate=29.8)
    assert np.array_equal(plain[:440], told[:440]) and not np.array_equal(plain[460:], told[460:])
    assert not np.array_equal(draw(image, answer, age=0.042), draw(image, answer, rate=29.8))
    assert np.array_equal(draw(image, answer, rate=0.0), plain), "of the first image no rate is known"
    assert not np.array_equal(draw(image, answer, rate=0.04), draw(image, answer, rate=0.02))


@pytest.mark.parametrize("size", [(480, 640), (1, 1), (3, 300), (300, 3), (2000, 3000)])
def test_age_and_rate_fit_any_size(segmenter, size):
    image = np.zeros((*size, 3), np.uint8)
    answers = [segmenter.segment(image, text) for text in ("everywhere", "red \x1b[31mgizmo", "no word of it")]
    assert draw(image, *answers, age=1e9, rate=1e-9).shape == image.shape


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("size", [(480, 640), (1, 1), (1, 300), (300, 1), (9, 9)])
def test_any_text_is_drawn_on_any_size(segmenter, size, text):
    image = np.zeros((*size, 3), np.uint8)
    answer = dataclasses.replace(segmenter.segment(image, "everywhere"), text=text)
    assert draw(image, answer).shape == image.shape


def test_a_view_is_drawn_on(segmenter, image):
    answer = segmenter.segment(image, "the red mug")
    bgr = np.ascontiguousarray(image[..., ::-1])
    read_only = bgr[..., ::-1]
    read_only.flags.writeable = False
    assert np.array_equal(draw(read_only, answer), draw(image, answer))


def test_an_answer_for_another_image_is_refused(segmenter, image):
    with pytest.raises(ValueError, match=r"\(480, 640\).*\(100, 100\)"):
        draw(np.zeros((100, 100, 3), np.uint8), segmenter.segment(image, "red"))
