"""The page of one browser: what stands where, and what its buttons do. What it shows comes from the hub."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path

from nicegui import background_tasks, ui
from nicegui.events import GenericEventArguments, KeyEventArguments

from refseg_ros.expression import MAX_CHARACTERS
from refseg_ros.web import cards, words
from refseg_ros.web.answers import ON_ASK, AnswersPanel
from refseg_ros.web.correction import CorrectionPanel
from refseg_ros.web.diagnosis import FAULT, PATIENCE, Finding
from refseg_ros.web.elements import LiveView, Microphone
from refseg_ros.web.hub import Hub, Robot, Viewer
from refseg_ros.web.space_view import SpaceView

TITLE = "refseg: look at it"
ACCENT = "#0f766e"
"""Colour of what is chosen; as in style.css."""
REFRESH = 0.2
"""Seconds between two looks at the hub; pictures have a connection of their own."""
SPACE_REFRESH = 1.0
"""Seconds, for the view in space."""
THEMES = {None: ("brightness_auto", "as the system"), True: ("dark_mode", "dark"), False: ("light_mode", "light")}
_STYLE = Path(__file__).with_name("style.css")
_LEVELS = ("fine", "warning", "fault")


class Page:
    """Builds the page, and keeps it up to date with the hub.

    Attributes:
        key: the secret with which the browser asks for its pictures.
    """

    def __init__(self, hub: Hub, robot: Robot, viewer: Viewer, can_listen: bool) -> None:
        """Build it; to be called in a page of NiceGUI."""
        self.key = secrets.token_urlsafe(12)
        self._hub, self._robot, self._viewer = hub, robot, viewer
        self._cloud_is_due = 0.0
        self._input: ui.input
        self._speak: ui.button
        ui.add_css(_STYLE)
        self._theme = ui.dark_mode(None)
        ui.colors(primary=ACCENT)
        with ui.element("main").classes("page"):
            self._build_top()
            self._build_ask(can_listen)
            with ui.element("section").classes("stage").props('aria-label="Camera"'):
                self._build_stage()
            with ui.element("section").classes("panel").props('aria-label="Answers"'):
                self._correction = CorrectionPanel(hub, robot, viewer, self._view)
                self._answers = AnswersPanel(self._ask, self._correction.begin)
                self._build_rest()
        ui.keyboard(self._on_key)
        ui.timer(REFRESH, self._refresh)

    def on_end(self, end: Callable[[], object]) -> None:
        """Call a function when the browser is gone for good."""
        ui.context.client.on_delete(end)

    def _build_top(self) -> None:
        with ui.element("header").classes("top"):
            ui.html("What the robot sees", tag="h1", sanitize=False)
            self._state = ui.label("").classes("state")
            ui.element("div").classes("grow")
            names = list(self._hub.streams)
            if len(names) > 1:
                cameras = ui.toggle(names, value=names[0], on_change=lambda event: self._show(event.value))
                cameras.props('no-caps unelevated role=group aria-label="Camera"')
            self._theme_button = ui.button(icon=THEMES[None][0], on_click=self._change_theme, color=None).classes(
                "plain"
            )
            self._theme_button.props('flat aria-label="Colours: as the system"')

    def _build_stage(self) -> None:
        with ui.element("div").classes("picture"):
            self._view = LiveView(self.key, CorrectionPanel.BRUSH)
            self._view.on("pixel", self._copy)
            self._notice = ui.label("").classes("notice").props('role="status"')
        with ui.element("div").classes("strip"):
            self._pause = _button("pause", "Pause", self._toggle_pause, "P")
            self._space_button = _button("view_in_ar", "In space", self._toggle_space, "S")
            self._scenes = ui.element("div").classes("strip")
            with self._scenes:
                _button("casino", "New scene", self._new_scene, "N")
                self._moving = _button("moving", "Move things", self._toggle_moving, "M")
            self._truth = _button("fact_check", "Truth", self._toggle_truth, "T")
            for simulated in (self._scenes, self._truth):
                simulated.set_visibility(False)
            self._numbers = ui.label("").classes("numbers")
        self._space = SpaceView()

    def _build_ask(self, can_listen: bool) -> None:
        with ui.element("search").classes("question"):
            with ui.element("form").classes("ask").on("submit.prevent", lambda: self._ask(self._input.value)):
                self._input = ui.input(
                    placeholder="What should the robot look at? For example: the red mug; the bowl"
                ).props(
                    f'outlined maxlength={MAX_CHARACTERS} aria-label="What to look at, in words; a semicolon '
                    'separates several" autocomplete=off spellcheck=false clearable'
                )
                if can_listen:
                    self._microphone = Microphone()
                    self._microphone.on("listening", lambda: self._speak.classes(add="on"))
                    self._microphone.on("heard", lambda event: self._on_heard(event.args))
                    self._microphone.on("failed", lambda event: self._on_failed(event.args))
                    self._speak = ui.button(icon="mic", on_click=self._microphone.toggle, color=None).classes("plain")
                    self._speak.props('flat type=button aria-label="Speak"').tooltip("Speak, and press again to end")
                ui.button("Look", color=None).classes("main").props("unelevated type=submit")
            self._examples = ui.html("", sanitize=False)
            self._examples.on("click", lambda event: self._ask(event.args), js_handler=ON_ASK)

    def _build_rest(self) -> None:
        with ui.element("div").classes("card"):
            with ui.element("details"):
                ui.html("Asked before", tag="summary", sanitize=False)
                self._history = ui.html("", sanitize=False)
                self._history.on("click", lambda event: self._ask(event.args), js_handler=ON_ASK)
            with ui.element("details"):
                ui.html("How the robot is", tag="summary", sanitize=False)
                self._findings = ui.html("", sanitize=False)

    def _refresh(self) -> None:
        stream, moment = self._hub.streams[self._viewer.camera], self._viewer.shown
        findings = self._hub.diagnosis.findings()
        silence = time.monotonic() - stream.heard
        self._refresh_state(findings, silence)
        self._findings.set_content(cards.finding_lines(findings))
        self._history.set_content(
            cards.query_buttons(self._hub.history) if self._hub.history else cards.quiet("Nothing yet.")
        )
        truth = self._hub.truths[self._viewer.camera]
        names = truth.newest.names if truth.newest is not None else ()
        self._examples.set_content(cards.query_buttons(words.examples(self._hub.vocabulary, names[:3])))
        self._truth.set_visibility(truth.newest is not None)
        _press(self._moving, truth.moving)
        self._scenes.set_visibility(truth.newest is not None and self._robot.has_scenes(self._viewer.camera))
        self._correction.refresh()
        if moment is None:
            return
        self._numbers.set_text(f"{1e3 * self._viewer.page_age:.0f} ms old · {stream.rate:.1f} answers/s")
        self._answers.show(moment, self._hub, self._viewer, self._view)
        if self._viewer.with_space and time.monotonic() >= self._cloud_is_due:
            self._cloud_is_due = time.monotonic() + SPACE_REFRESH
            background_tasks.create(self._space.refresh(self._robot, self._viewer.camera, moment))

    def _refresh_state(self, findings: tuple[Finding, ...], silence: float) -> None:
        level = max((finding.level for finding in findings), default=0)
        if silence > PATIENCE:
            since = "" if silence == float("inf") else f" for {silence:.0f} s"
            why = next((finding.text for finding in findings if finding.level), "")
            self._notice.set_text(f"No picture{since}. {cards.brief(why, 300)}")
            level = max(level, 1)
        self._notice.set_visibility(silence > PATIENCE)
        level = min(level, FAULT)
        self._state.set_text(next((cards.brief(one.text) for one in findings if one.level), "All is well"))
        self._state.classes(remove=" ".join(_LEVELS), add=_LEVELS[level])

    def _ask(self, text: object) -> None:
        asked = str(text or "")[:MAX_CHARACTERS]
        self._input.set_value(asked)
        self._robot.ask(asked)

    def _show(self, camera: str) -> None:
        self._viewer.camera, self._viewer.shown = camera, None
        self._viewer.look_again()

    def _toggle_pause(self) -> None:
        self._viewer.paused = not self._viewer.paused
        _press(self._pause, self._viewer.paused)
        self._viewer.look_again()

    def _toggle_truth(self) -> None:
        self._viewer.with_truth = not self._viewer.with_truth
        _press(self._truth, self._viewer.with_truth)
        self._viewer.look_again()

    def _toggle_space(self) -> None:
        self._viewer.with_space = not self._viewer.with_space
        _press(self._space_button, self._viewer.with_space)
        self._space.show(self._viewer.with_space)
        self._cloud_is_due = 0.0

    def _new_scene(self) -> None:
        scene = self._hub.truths[self._viewer.camera].newest
        if scene is not None:
            self._robot.show_scene(self._viewer.camera, scene.seed + 1)

    def _toggle_moving(self) -> None:
        self._robot.set_moving(self._viewer.camera, not self._hub.truths[self._viewer.camera].moving)

    def _change_theme(self) -> None:
        order = list(THEMES)
        self._theme.value = order[(order.index(self._theme.value) + 1) % len(order)]
        icon, name = THEMES[self._theme.value]
        self._theme_button.props(f'icon={icon} aria-label="Colours: {name}"')

    def _on_heard(self, heard: dict[str, str]) -> None:
        self._speak.classes(remove="on")
        if heard.get("query"):
            self._input.set_value(heard["query"])
        else:
            ui.notify(f"Heard “{heard.get('text', '')}”: {heard.get('why', '')}")

    def _on_failed(self, why: object) -> None:
        self._speak.classes(remove="on")
        ui.notify(str(why)[:300])

    async def _copy(self, event: GenericEventArguments) -> None:
        """Copy what is at a pixel, in words that a program can read, too."""
        x, y = (int(value) for value in event.args)
        moment = self._viewer.shown
        told = [f"pixel {x}, {y}"]
        for sighting in moment.sightings if moment is not None else ():
            if sighting.answer.mask[y : y + 1, x : x + 1].any():
                told.append(f"{sighting.answer.text}: box {', '.join(map(str, sighting.answer.box))}")
                told += [cards.place_words(sighting)] if sighting.place else []
        line = "; ".join(told)
        if await self._view.copy(line):
            ui.notify(f"Copied: {line[:300]}")
        else:
            ui.notify(f"The browser doesn't let the page copy this: {line}", timeout=0, close_button="Close")

    def _on_key(self, event: KeyEventArguments) -> None:
        held = event.modifiers
        if not event.action.keydown or event.action.repeat or held.ctrl or held.alt or held.meta:
            return
        acts = {"p": self._toggle_pause, "s": self._toggle_space, "/": lambda: self._input.run_method("focus")}
        if self._truth.visible:
            acts["t"] = self._toggle_truth
        if self._scenes.visible:
            acts |= {"n": self._new_scene, "m": self._toggle_moving}
        act = acts.get(str(event.key).lower())
        if act is not None:
            act()


def _button(icon: str, text: str, act: Callable[[], object], key: str) -> ui.button:
    button = ui.button(text, icon=icon, on_click=act, color=None).classes("plain")
    button.props(f"flat aria-pressed=false aria-keyshortcuts={key}").tooltip(f"Key {key}")
    return button


def _press(button: ui.button, is_on: bool) -> None:
    button.props(f"aria-pressed={str(is_on).lower()}")
    button.classes(**({"add": "on"} if is_on else {"remove": "on"}))
