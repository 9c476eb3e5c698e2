"""What is written into the page: everything from outside is text."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from refseg_ros.answer import NO_BOX, Answer, Verdict
from refseg_ros.expression import tokenise
from refseg_ros.web import cards
from refseg_ros.web.diagnosis import FAULT, Diagnosis, Finding
from refseg_ros.web.moment import Moment, Place, Sighting

RGB = np.zeros((4, 6, 3), np.uint8)
PLACE = Place("camera_optical_frame", (0.1, -0.25, 1.0), (0.0, 0.0, 0.0, 1.0), (0.05, 0.1, 0.2))
OURS = {"ul", "li", "p", "b", "i", "s", "span", "button", "div"}


class Reader(HTMLParser):
    """The elements and the text of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):  # noqa: ANN001, ANN201
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}

    def handle_data(self, data):  # noqa: ANN001, ANN201
        self.text += data


def moment(text: str, place: Place | None = None) -> Moment:
    words = tuple(tokenise(text))
    answer = Answer(
        text, Verdict.FOUND, 0.9, np.zeros((4, 6), np.uint8), NO_BOX, words, np.ones((1, len(words)), np.float32), words
    )
    return Moment(0, "camera", RGB, (Sighting(1, answer, 0.1, place=place),))


def card(moment: Moment, vocabulary: list[str], truth: str) -> str:
    """All that the card of its one answer says."""
    (sighting,) = moment.sightings
    answer = sighting.answer
    pieces = [cards.expression(answer, vocabulary), cards.verdict(answer), cards.notes(sighting, truth)]
    return "".join([*pieces, cards.hints(answer, vocabulary)])


@given(st.text(max_size=300))
def test_no_text_becomes_an_element_or_an_attribute(text):
    pieces = [
        card(moment(text), [text], text),
        cards.query_buttons([text]),
        cards.finding_lines([Finding(1, text), Finding(77, text)]),
    ]
    for piece in pieces:
        read = Reader(piece)
        assert read.tags <= OURS
        assert read.names <= {"class", "style", "title", "type", "role", "aria-label", "data-ask"}


def test_megabytes_are_cut():
    assert len(card(moment("<b>" * 1_000_000), [], "")) < 100_000


def test_a_card_says_what_there_is_to_say():
    read = Reader(card(moment("the mug", PLACE), ["mug"], "truly the red mug, 90 % overlap"))
    for part in ("found", "0.90", "at 0.100, -0.250, 1.000 m in camera_optical_frame, 5 × 10 × 20 cm", "truly the red"):
        assert part in read.text
    assert cards.summary(moment("the mug")) == "found: the mug"


def test_a_silent_node_is_told_with_what_to_do():
    diagnosis = Diagnosis("refseg/segment")
    assert diagnosis.findings()[0].text == "waiting for the node segment"
    diagnosis.put([("refseg/segment: camera", 1, "no image for 4 s"), ("other/node: camera", 2, "broken")])
    assert diagnosis.findings() == (Finding(1, "camera: no image for 4 s"),)
    diagnosis._began = diagnosis._heard = -1e9
    (finding,) = diagnosis.findings()
    assert finding.level == FAULT and "ros2 launch refseg_ros segment.launch.py" in finding.text
