"""The panel of the answers: in words, and for those who hear the page."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from refseg_ros.web import cards
from refseg_ros.web.elements import LiveView
from refseg_ros.web.hub import Hub, Viewer
from refseg_ros.web.moment import Moment

ON_ASK = "(event) => {const it = event.target.closest('[data-ask]'); if (it) emit(it.dataset.ask);}"
"""Emits the query of the button that was pressed."""
_ON_WRONG = "(event) => {const it = event.target.closest('[data-wrong]'); if (it) emit(Number(it.dataset.wrong));}"


class AnswersPanel:
    """A card with the answers to what is asked."""

    def __init__(self, ask: Callable[[object], object], correct: Callable[[object], object]) -> None:
        """Build it; `ask` is called with a query that it offers, `correct` with the id of one answered wrongly."""
        with ui.element("div").classes("card"):
            ui.html("Answers", tag="h2", sanitize=False)
            self._answers = ui.html("", sanitize=False)
            self._answers.on("click", lambda event: ask(event.args), js_handler=ON_ASK)
            self._answers.on("click", lambda event: correct(event.args), js_handler=_ON_WRONG)
            self._spoken = ui.label("").classes("sr-only").props('aria-live="polite"')

    def show(self, moment: Moment, hub: Hub, viewer: Viewer, view: LiveView) -> None:
        """Show the answers of a moment, with the truth where the viewer wants it."""
        truth = hub.truths[viewer.camera]
        truths = []
        for sighting in moment.sightings:
            under = truth.under(moment.stamp, sighting.answer.mask) if viewer.with_truth else None
            name, share = under or ("", 0.0)
            truths.append(f"truly the {name}, {100 * share:.0f} % overlap" if name else "")
        if moment.sightings:
            self._answers.set_content(cards.answer_cards(moment, hub.vocabulary, truths))
        else:
            self._answers.set_content(cards.quiet("Say what to look at; the mask follows it from picture to picture."))
        spoken = cards.summary(moment)
        self._spoken.set_text(spoken)
        view.describe(f"The camera's picture. {spoken}")
