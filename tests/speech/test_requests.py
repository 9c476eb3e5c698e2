from __future__ import annotations

import pytest

from refseg_ros.expression import Vocabulary
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
        ("grab the mug on the right right now", "the mug on the right"),
        ("give me the mug back", "the mug"),
        ("have you seen the mug", "the mug"),
        ("may i have the mug", "the mug"),
        ("help me find the mug", "the mug"),
        ("i am looking for the mug", "the mug"),
        ("how about the mug", "the mug"),
        ("no, sorry, the mug, thanks a lot", "the mug"),
        ("so the mug thank you very much", "the mug"),
        ("robot hand me the mug", "the mug"),
        ("tell me where the mug is", "the mug is"),
        ("well in the garden", "well in the garden"),
        ("", ""),
    ],
)
def test_only_the_expression_is_left(said, meant):
    assert expression_in(said) == meant


@pytest.mark.parametrize("request_", REQUESTS)
def test_every_wrapping_is_taken_off_what_is_said_and_what_is_typed(request_):
    vocabulary = Vocabulary(["mug", "red", "the"])
    for courtesy in ("", *COURTESIES, *HESITATIONS):
        for closing in ("", *CLOSINGS):
            text = f"{courtesy} {request_} the red mug {closing}"
            assert expression_in(text) == "the red mug"
            typed = vocabulary.encode(text, 20)
            assert typed.words == ("the", "red", "mug") and typed.understood and not typed.doubtful
