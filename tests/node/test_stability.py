from __future__ import annotations

import numpy as np
import pytest

from refseg_ros.answer import Answer, Box, Verdict
from refseg_ros.node.stability import Spot, Stability, Standing, overlap

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


def spot(x: float, frame: str = "map") -> Spot:
    return Spot(frame, np.array([x, 0.5, 1.5]))


def frames_of(*seen: tuple[Box, Spot | None], distance: float = 0.03) -> list[int]:
    stability = Stability()
    return [stability.judge(1, answer(box), 3, where, distance).frames for box, where in seen]


def test_where_its_place_in_space_is_known_that_alone_counts():
    still, far = spot(0.0), spot(0.1)
    assert frames_of((HERE, still), (ELSEWHERE, still), (HERE, still)) == [1, 2, 3], "a camera that moves"
    assert frames_of((HERE, still), (HERE, far), (HERE, far)) == [1, 1, 2], "it moved along the optical axis"
    assert frames_of((HERE, still), (HERE, spot(0.0, "odom"))) == [1, 1], "places of two frames say nothing"


def test_what_creeps_away_is_measured_from_where_it_was_first():
    creeping = [(HERE, spot(0.01 * number)) for number in range(8)]
    assert frames_of(*creeping, distance=0.035) == [1, 2, 3, 4, 1, 2, 3, 4]


def test_frames_without_a_place_in_space_are_judged_by_the_image_and_cut_nothing_off():
    still, far = spot(0.0), spot(0.1)
    assert frames_of((HERE, still), (NEAR, None), (HERE, still)) == [1, 2, 3]
    assert frames_of((HERE, still), (ELSEWHERE, None), (ELSEWHERE, still)) == [1, 1, 2]
    assert frames_of((HERE, still), (HERE, None), (HERE, far)) == [1, 2, 1], "far from where it was before the gap"
    assert frames_of((HERE, None), (HERE, still), (HERE, far)) == [1, 2, 1]


def test_overlap_of_boxes():
    assert overlap(HERE, HERE) == 1.0
    assert overlap(HERE, ELSEWHERE) == overlap(HERE, NOTHING) == overlap(NOTHING, NOTHING) == 0.0
    assert overlap(HERE, Box(120, 100, 40, 40)) == overlap(Box(120, 100, 40, 40), HERE) == pytest.approx(1 / 3)
