"""From a spoken sentence to the mask in simulated scenes, against the answer to the same expression typed."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="the simulator is not installed (the extra `simulation`)")

from refseg_ros import Segmenter, Verdict
from refseg_ros.demo.__main__ import SCENES_FROM
from refseg_ros.simulation.phrases import phrases
from refseg_ros.simulation.tabletop import Tabletop
from refseg_ros.speech.requests import expression_in
from tests.speech.voice import needs_espeak, say

KINDS = ("class", "colour", "size", "place", "order", "relation", "relation", "negation", "absent", "absent")


def asked_scenes():
    """An image, its labels and one expression of each of KINDS, each of a scene of its own at rest."""
    left, seed = list(KINDS), SCENES_FROM
    with Tabletop() as table:
        while left:
            table.reset(seed, moving=False)
            frame = table.render(depth=False)
            offered = phrases(frame.objects, 640, 480, np.random.default_rng(seed))
            phrase = next((phrase for phrase in offered if phrase.kind == left[0]), None)
            if phrase is not None:
                left.pop(0)
                yield frame.rgb.copy(), frame.labels.copy(), phrase
            seed += 1


def is_right(answer, labels, target) -> bool:
    """Whether an answer is that of the truth; no numpy.bool, whose sums pytest-xdist cannot send."""
    if target is None:
        return answer.verdict is Verdict.NOT_FOUND
    true, found = labels == target, answer.mask > 0
    return bool(np.count_nonzero(true & found) > 0.5 * np.count_nonzero(true | found))


@needs_espeak
def test_eight_of_ten_spoken_expressions_are_answered_rightly_and_as_if_typed(recogniser, record_property):
    segmenter = Segmenter("tabletop", threads=1)
    same, spoken_right, typed_right, told = 0, 0, 0, []
    for image, labels, phrase in asked_scenes():
        text = expression_in(phrase.text)
        heard = expression_in(recogniser.hear(say(f"could you please find {text}")).text)
        typed, spoken = segmenter.segment(image, text), segmenter.segment(image, heard)
        union = np.count_nonzero(typed.mask | spoken.mask)
        overlap = np.count_nonzero(typed.mask & spoken.mask) / union if union else 1.0
        same += bool(typed.verdict == spoken.verdict and overlap > 0.8)
        typed_right += is_right(typed, labels, phrase.target)
        spoken_right += is_right(spoken, labels, phrase.target)
        told.append((text, heard))
    for name, value in (("same", same), ("spoken right", spoken_right), ("typed right", typed_right)):
        record_property(name, value)
    told.append((same, spoken_right, typed_right))
    assert same >= 8 and spoken_right >= 8, told
