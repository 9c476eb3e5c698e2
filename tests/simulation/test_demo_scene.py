"""The table of demo.launch.py has what is said of it, and the model of the demos finds what the pages ask for there."""

from collections import Counter

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="mujoco is not installed (the extra `simulation`)")

from refseg_ros import Segmenter
from refseg_ros.answer import Verdict
from refseg_ros.demo.scene import ASKED, SEED, SPLIT, THINGS
from refseg_ros.simulation.tabletop import Frame, Tabletop


@pytest.fixture(scope="module")
def frame() -> Frame:
    with Tabletop() as table:
        table.reset(SEED, SPLIT)
        return table.render()


@pytest.fixture(scope="module")
def shipped() -> Segmenter:
    return Segmenter("tabletop", threads=1)


def test_what_is_said_to_lie_there_lies_there(frame):
    assert Counter(THINGS) == Counter(f"{thing.colour} {thing.class_name}" for thing in frame.objects)


@pytest.mark.parametrize("text, name", ASKED.items())
def test_what_the_pages_ask_for_is_found(frame, shipped, text, name):
    (meant,) = (thing for thing in frame.objects if f"{thing.colour} {thing.class_name}" == name)
    answer = shipped.segment(frame.rgb, text)
    truth, mask = frame.labels == meant.instance_id, answer.mask > 0
    assert answer.verdict == Verdict.FOUND
    assert np.count_nonzero(truth & mask) > 0.8 * np.count_nonzero(truth | mask)
