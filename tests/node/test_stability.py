from __future__ import annotations

import numpy as np
import pytest

from refseg_ros.answer import Answer, Box, Verdict
from refseg_ros.node.stability import Stability, Standing, overlap

HERE, NEAR, ELSEWHERE = Box(100, 100, 40, 40), Box(108, 96, 40, 40), Box(300, 100, 40, 40)
NOTHING = Box(0, 0, 0, 0)


def answer(box: Box, verdict: Verdict = Verdict.FOUND) -> Answer:
    none = np.zeros((0, 0), np.float32)
    return Answer("it", verdict, 0.9, np.zeros((480, 640), np.uint8), box, (), none, (), ())


def judged(*answers: Answer, wanted: int = 3) -> list[Standing]:
    stability = Stability()
    return [stability.judge(1, one, wanted) for one in answers]


def test_a_thing_found_often_enough_at_the_same_place_is_stable():
    standings = judged(*map(answer, (HERE, NEAR, HERE, NEAR)))
    assert [standing.frames for standing in standings] == [1, 2, 3, 4]
    assert [standing.stable for standing in standings] == [False, False, True, True]
    assert not any(standing.lost for standing in standings)


def test_a_jump_begins_anew():
    standings = judged(*map(answer, (HERE, HERE, HERE, ELSEWHERE, HERE, HERE, HERE)))
    assert [standing.stable for standing in standings] == [False, False, True, False, False, False, True]


@pytest.mark.parametrize("verdict", [Verdict.NOT_FOUND, Verdict.UNCERTAIN, Verdict.NOT_UNDERSTOOD])
def test_what_was_stable_and_is_found_no_more_is_lost_until_it_is_found_again(verdict):
    gone = answer(HERE if verdict is Verdict.UNCERTAIN else NOTHING, verdict)
    standings = judged(gone, answer(HERE), gone, *[answer(HERE)] * 3, gone, gone, answer(HERE))
    assert [standing.lost for standing in standings] == [False] * 6 + [True, True, False]
    assert [standing.stable for standing in standings] == [False] * 5 + [True] + [False] * 3


def test_queries_stand_for_themselves_and_are_forgotten():
    stability = Stability()
    for _ in range(2):
        stability.judge(1, answer(HERE), 2)
    assert stability.judge(2, answer(HERE), 2) == Standing(1)
    stability.keep({2})
    assert stability.judge(1, answer(HERE), 2) == Standing(1)
    assert stability.judge(2, answer(HERE), 2) == Standing(2, stable=True)


def test_overlap_of_boxes():
    assert overlap(HERE, HERE) == 1.0
    assert overlap(HERE, ELSEWHERE) == overlap(HERE, NOTHING) == overlap(NOTHING, NOTHING) == 0.0
    assert overlap(HERE, Box(120, 100, 40, 40)) == overlap(Box(120, 100, 40, 40), HERE) == pytest.approx(1 / 3)
