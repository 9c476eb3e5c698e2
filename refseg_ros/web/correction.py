"""The panel in which a person says what would have been right."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
from nicegui import ui
from nicegui.events import GenericEventArguments

from refseg_ros.answer import Answer
from refseg_ros.speech.sentences import nouns
from refseg_ros.web.cards import brief, shown
from refseg_ros.web.elements import LiveView
from refseg_ros.web.hub import Hub, Robot, Viewer
from refseg_ros.web.lessons import stroke
from refseg_ros.web.moment import Moment

TOOLS = {"brush": "Brush", "eraser": "Eraser", "polygon": "Polygon"}
MOST_AT_A_TIME = 8
"""Expressions that the node answers at a time."""
NODE_WAIT = 10.0
"""Seconds that the node has for proposals."""
MOST_POINTS = 5000
"""Most points of a stroke."""


class CorrectionPanel:
    """A card that is visible while this browser corrects; a second one announces a waiting draft."""

    BRUSH = 15
    """Width of a stroke at first, pixels of the image."""

    def __init__(self, hub: Hub, robot: Robot, viewer: Viewer, view: LiveView) -> None:
        """Build it, hidden."""
        self._hub, self._robot, self._viewer, self._view = hub, robot, viewer, view
        view.on("stroke", self._on_stroke)
        with ui.element("div").classes("card correction") as self._card:
            self._title = ui.html("", tag="h2", sanitize=False)
            self._tool = ui.toggle(TOOLS, value="brush", on_change=self._choose).props("no-caps unelevated spread")
            self._tool.props('aria-label="Tool"')
            with ui.element("div").classes("strip"):
                ui.label("Width").classes("quiet")
                self._width = ui.slider(min=1, max=60, value=self.BRUSH, on_change=self._choose)
                self._width.props('aria-label="Width of the brush" style="width: 9rem"')
                _plain("Undo", self._undo)
                _plain("It is not there", self._clear)
                _plain("Propose", self._ask_for_proposals)
            self._proposals = ui.element("div").classes("strip")
            with ui.element("div").classes("strip"):
                ui.button("Keep", on_click=self._keep, color=None).classes("main").props("unelevated no-caps")
                _plain("Discard", self._discard)
        with ui.element("div").classes("card draft") as self._waiting:
            self._left = ui.label("").classes("quiet")
            _plain("Go on with it", self._open)
        self._kept = ui.label("").classes("quiet")
        self._kept.set_visibility(False)

    def refresh(self) -> None:
        """Show the card that is due."""
        draft, correcting = self._hub.lessons.draft, self._viewer.correcting
        if correcting and draft is None:  # another browser has ended it
            self._close()
            correcting = False
        self._card.set_visibility(correcting)
        self._waiting.set_visibility(draft is not None and not correcting)
        if draft is not None:
            self._left.set_text(f"A correction is not ended yet: {brief(draft.text)}")

    def begin(self, moment: Moment, answer: Answer) -> None:
        """Begin a correction with the model's mask, or open the draft that is waiting already."""
        lessons = self._hub.lessons
        if lessons.draft is not None or _done(lambda: lessons.begin(moment.rgb, answer.text, answer.mask)):
            self._open()

    def _open(self) -> None:
        draft = self._hub.lessons.draft
        if draft is None:
            return
        self._viewer.correcting = True
        self._title.set_content(f"Draw what this is: {shown(draft.text)}")
        self._choose()
        self._viewer.look_again()
        self.refresh()

    def _close(self) -> None:
        self._viewer.correcting = False
        self._proposals.clear()
        self._view.draw_with("", self.BRUSH)
        self._viewer.look_again()

    def _choose(self) -> None:
        self._view.draw_with(str(self._tool.value), int(self._width.value))

    def _on_stroke(self, event: GenericEventArguments) -> None:
        draft = self._hub.lessons.draft
        points = np.array(event.args[:MOST_POINTS], np.int32).reshape(-1, 2)
        if draft is not None and len(points):
            self._change(stroke(draft.mask, points, str(self._tool.value), int(self._width.value)))

    def _clear(self) -> None:
        draft = self._hub.lessons.draft
        if draft is not None:
            self._change(np.zeros_like(draft.mask))

    def _undo(self) -> None:
        _done(self._hub.lessons.undo)
        self._viewer.look_again()

    def _change(self, mask: np.ndarray) -> None:
        _done(lambda: self._hub.lessons.change(mask))
        self._viewer.look_again()

    async def _ask_for_proposals(self) -> None:
        """Ask the node for each thing that the model has a word for, on the same image."""
        draft = self._hub.lessons.draft
        if draft is None:
            return
        things = [f"the {noun}" for noun in nouns(self._hub.vocabulary)]
        found: list[Answer] = []
        self._proposals.clear()
        try:
            for start in range(0, len(things), MOST_AT_A_TIME):
                asked = self._robot.proposals(draft.rgb, ";".join(things[start : start + MOST_AT_A_TIME]))
                answered: list[Answer] = await asyncio.wait_for(asyncio.wrap_future(asked), NODE_WAIT)
                if self._hub.lessons.draft is not draft:  # it was kept or discarded meanwhile
                    return
                found += answered
                self._propose(_distinct(found))
        except (asyncio.TimeoutError, ConnectionError):
            ui.notify("The node does not answer; draw it with the brush.")

    def _propose(self, answers: list[Answer]) -> None:
        self._proposals.clear()
        with self._proposals:
            for answer in answers:
                _plain(brief(answer.text), lambda answer=answer: self._change(answer.mask))

    def _keep(self) -> None:
        if _done(self._hub.lessons.keep):
            self._kept.set_text(f"{self._hub.lessons.count} corrections are in {self._hub.lessons.folder}")
            self._kept.set_visibility(True)
            self._close()

    def _discard(self) -> None:
        if _done(self._hub.lessons.discard):
            self._close()


def _done(act: Callable[[], object]) -> bool:
    """Do something to the lessons, and show a failure on the page; return whether it worked."""
    try:
        act()
    except (OSError, ValueError) as error:
        ui.notify(f"This did not work: {error}", timeout=0, close_button="Close")
        return False
    return True


def _distinct(answers: list[Answer]) -> list[Answer]:
    """The answers that show something, each mask once, the surest first."""
    kept: list[Answer] = []
    for answer in sorted(answers, key=lambda one: -one.score):
        if answer.box.width and all(_overlap(answer.mask, other.mask) < 0.7 for other in kept):
            kept.append(answer)
    return kept[:12]


def _overlap(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.count_nonzero(first & second) / max(int(np.count_nonzero(first | second)), 1))


def _plain(text: str, act: object) -> ui.button:
    return ui.button(text, on_click=act, color=None).classes("plain").props("flat no-caps")  # type: ignore[arg-type]
