from __future__ import annotations

import pytest

from refseg_ros.speech.requests import CLOSINGS, COURTESIES, HESITATIONS, REQUESTS, expression_in


@pytest.mark.parametrize(
    "said, meant",
    [
        ("could you please find the red ball", "the red ball"),
        ("um could you find me the red ball please", "the red ball"),
        ("hey okay where is the mug to the left of the bowl", "the mug to the left of the bowl"),
        ("Please, show me the can!", "the can"),
        ("the can left of the bowl thank you", "the can left of the bowl"),
        ("can left of the bowl", "can left of the bowl"),
        ("can you pick up the can for me please", "the can"),
        ("the ball that is not on the right", "the ball that is not on the right"),
        ("please find", ""),
        ("", ""),
    ],
)
def test_only_the_expression_is_left(said, meant):
    assert expression_in(said) == meant


@pytest.mark.parametrize("request_", REQUESTS)
def test_every_wrapping_is_taken_off(request_):
    for courtesy in ("", *COURTESIES, *HESITATIONS):
        for closing in ("", *CLOSINGS):
            assert expression_in(f"{courtesy} {request_} the red mug {closing}") == "the red mug"
