"""Masks in the colours of their expressions, and the truth beside them."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from refseg_ros.answer import NO_BOX, Answer, Box, Verdict
from refseg_ros.space.pinhole import Lens
from refseg_ros.web.cloud import FARTHEST, MOST_POINTS, cloud_of, upright
from refseg_ros.web.drawing import jpeg, marks, painted
from refseg_ros.web.moment import Moment, Sighting
from refseg_ros.web.palette import COLOURS, rgb_of
from refseg_ros.web.truth import TrueThing, Truth

GREY = np.full((60, 80, 3), 90, np.uint8)


def sighting(number: int, verdict: Verdict = Verdict.FOUND) -> Sighting:
    mask, box = np.zeros((60, 80), np.uint8), NO_BOX
    if verdict is Verdict.FOUND:
        box = Box(20 * number, 10, 15, 30)
        mask[10:40, 20 * number : 20 * number + 15] = 255
    return Sighting(number, Answer("it", verdict, 0.9, mask, box), age=0.1)


def test_each_mask_has_the_colour_of_its_expression():
    drawn = painted(Moment(0, "camera", GREY, (sighting(0), sighting(1), sighting(2))))
    for number in range(3):
        assert np.abs(drawn[10, 20 * number + 5].astype(int) - rgb_of(COLOURS[number])).max() < 40  # the outline
        inside = drawn[25, 20 * number + 7].astype(int)
        towards = np.sign(np.array(rgb_of(COLOURS[number])) - 90)
        assert (np.sign(inside - 90) == towards).all()
    assert (drawn[50] == 90).all() and (GREY == 90).all()


def test_a_mask_of_another_size_is_not_drawn():
    odd = Sighting(1, Answer("it", Verdict.FOUND, 0.9, np.full((5, 5), 255, np.uint8), Box(0, 0, 5, 5)), age=0.1)
    assert (painted(Moment(0, "camera", GREY, (odd,))) == GREY).all()


def test_marks_are_boxes_of_what_was_found_and_of_the_truth():
    shown = Moment(0, "camera", GREY, (sighting(0, Verdict.NOT_FOUND), sighting(1)))
    found, true = marks(shown, [TrueThing(1, "red mug", "", Box(1, 2, 3, 4)), TrueThing(2, "hidden", "", NO_BOX)])
    assert found["box"] == [20, 10, 15, 30] and found["colour"] == COLOURS[1] and not found["dashed"]
    assert true["name"] == "red mug" and true["box"] == [1, 2, 3, 4] and true["dashed"]
    json.dumps([found, true])


def test_the_picture_is_a_jpeg_of_the_same_size():
    read = cv2.imdecode(np.frombuffer(jpeg(GREY), np.uint8), cv2.IMREAD_COLOR)
    assert read.shape == GREY.shape and np.abs(read.astype(int) - 90).max() < 5


def told(seconds: int, seed: int = 7) -> str:
    one = {"instance_id": 3, "colour": "red", "class_name": "mug", "motion": None, "box": [20, 10, 15, 30]}
    two = {"instance_id": 4, "colour": "blue", "class_name": "can", "motion": "sliding", "box": [40, 10, 15, 30]}
    return json.dumps({"stamp": [seconds, 5], "seed": seed, "objects": [one, two]})


def test_what_a_mask_truly_covers():
    truth = Truth()
    truth.put_scene(told(1))
    labels = np.zeros((60, 80), np.uint8)
    labels[10:40, 20:35], labels[10:40, 40:55] = 3, 4
    stamp = 1_000_000_005
    assert truth.under(stamp, sighting(1).answer.mask) is None
    truth.put_labels(stamp, labels)
    assert truth.under(stamp, sighting(1).answer.mask) == ("red mug", 1.0)
    assert truth.under(stamp, sighting(2).answer.mask) == ("blue can", 1.0)
    assert truth.under(stamp, np.zeros((60, 80), np.uint8)) == ("", 0.0)
    assert truth.under(stamp + 1, sighting(1).answer.mask) is None
    assert truth.newest.names == ("red mug", "blue can") and truth.newest.things[1].motion == "sliding"


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "{}", '{"objects": 1}'),
        *('{"seed": 1, "objects": [1], "stamp": [0, 0]}', '{"seed": 1, "objects": []}'),
    ],
)
def test_a_truth_that_is_none_is_refused(text):
    truth = Truth()
    with pytest.raises(ValueError):
        truth.put_scene(text)
    assert truth.newest is None


def test_a_cloud_is_where_the_lens_says():
    lens = Lens(640, 480, 500.0, 500.0, 319.5, 239.5)
    depth = np.full((480, 640), 2.0, np.float32)
    depth[:, :320] = np.nan
    depth[:240, 320:] = FARTHEST + 1
    rgb = np.zeros((480, 640, 3), np.uint8)
    rgb[..., 0] = 255
    cloud = cloud_of(rgb, depth, lens)
    assert 0 < len(cloud.points) <= MOST_POINTS / 4 * 1.1 and len(cloud.colours) == len(cloud.points)
    assert (cloud.points[:, 2] == 2.0).all() and (cloud.points[:, :2] > 0).all()
    assert (cloud.colours == [1.0, 0.0, 0.0]).all()
    assert upright(np.array([1.0, 2.0, 3.0])).tolist() == [1.0, 3.0, -2.0]
