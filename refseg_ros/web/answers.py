"""The panel of the answers, in words, and for screen readers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from nicegui import ui

from refseg_ros.answer import Answer
from refseg_ros.web import cards
from refseg_ros.web.elements import LiveView
from refseg_ros.web.hub import Hub, Viewer
from refseg_ros.web.moment import Moment, Sighting
from refseg_ros.web.palette import COLOURS

ON_ASK = "(event) => {const it = event.target.closest('[data-ask]'); if (it) emit(it.dataset.ask);}"
"""Emits the query of the button that was pressed."""


class _Card:
    """Shows one answer. Its elements stay when their content changes, so that no button vanishes under a finger."""

    def __init__(self, colour: str, correct: Callable[[], object]) -> None:
        with ui.element("li").style(f"--colour:{colour}") as self.element:
            self._expression = ui.html("", sanitize=False, tag="p").classes("expression")
            with ui.element("p").classes("verdict"):
                self._verdict = ui.html("", sanitize=False, tag="span").classes("said")
                wrong = ui.html("This is wrong", sanitize=False, tag="button").classes("wrong")
                wrong.props("type=button").on("click", correct)
            self._notes = ui.html("", sanitize=False, tag="p").classes("notes")
            self._hints = ui.html("", sanitize=False)

    def show(self, sighting: Sighting, vocabulary: Collection[str], truth: str) -> None:
        answer = sighting.answer
        self.element.classes(replace=f"answer {answer.verdict.name.lower()}")
        self._expression.set_content(cards.expression(answer, vocabulary))
        self._verdict.set_content(cards.verdict(answer))
        self._notes.set_content(cards.notes(sighting, truth))
        self._hints.set_content(cards.hints(answer, vocabulary))


class AnswersPanel:
    """A card with the answers to what is asked."""

    def __init__(self, ask: Callable[[object], object], correct: Callable[[Moment, Answer], object]) -> None:
        """Build it; `ask` gets a suggested query, `correct` an answer that is wrong, with its moment."""
        self._correct = correct
        self._moment: Moment | None = None
        self._cards: list[_Card] = []
        with ui.element("div").classes("card"):
            ui.html("Answers", tag="h2", sanitize=False)
            self._nothing = ui.label("Say what to look at; the mask follows it from picture to picture.").classes(
                "quiet"
            )
            self._list = ui.element("ul").classes("answers")
            self._list.on("click", lambda event: ask(event.args), js_handler=ON_ASK)
            self._spoken = ui.label("").classes("sr-only").props('aria-live="polite"')

    def show(self, moment: Moment, hub: Hub, viewer: Viewer, view: LiveView) -> None:
        """Show the answers of a moment, with the truth where the viewer wants it."""
        self._moment = moment
        sightings, truth = moment.sightings[: len(COLOURS)], hub.truths[viewer.camera]
        self._nothing.set_visibility(not sightings)
        while len(self._cards) > len(sightings):
            self._cards.pop().element.delete()
        with self._list:
            for index in range(len(self._cards), len(sightings)):
                self._cards.append(_Card(COLOURS[index], partial(self._on_wrong, index)))
        for card, sighting in zip(self._cards, sightings, strict=True):
            under = truth.under(moment.stamp, sighting.answer.mask) if viewer.with_truth else None
            name, share = under or ("", 0.0)
            card.show(sighting, hub.vocabulary, f"truly the {name}, {100 * share:.0f} % overlap" if name else "")
        spoken = cards.summary(moment)
        self._spoken.set_text(spoken)
        view.describe(f"The camera's picture. {spoken}")

    def _on_wrong(self, index: int) -> None:
        if self._moment is not None:
            self._correct(self._moment, self._moment.sightings[index].answer)
