"""The two elements of the page that NiceGUI does not have: the camera's picture, and the microphone."""

from __future__ import annotations

from contextlib import suppress

from nicegui.element import Element

from refseg_ros.web.drawing import CORRECTION

COPY_WAIT = 3.0
"""Seconds that a browser has to copy a text."""


class LiveView(Element, component="live_view.js"):
    """The picture of a viewer, with marks over it.

    Events: "pixel" ([x, y]) where it is clicked without a tool; "stroke" ([[x, y], ...]) after a stroke with one.
    """

    def __init__(self, key: str, brush: int) -> None:
        """Show what the viewer of this key sees; `brush` is the width of a stroke in pixels of the image."""
        super().__init__()
        self._props["path"] = f"/pictures/{key}"
        self._props["label"] = "The camera's picture"
        self._props["colour"] = CORRECTION
        self._props["brush"] = brush
        self._props["tool"] = ""

    def describe(self, label: str) -> None:
        """Set the text for screen readers."""
        if self._props["label"] != label:
            self._props["label"] = label
            self.update()

    async def copy(self, text: str) -> bool:
        """Put a text on the browser's clipboard; whether the browser says that it did."""
        with suppress(TimeoutError):
            return await self.run_method("copy", text, timeout=COPY_WAIT) is True
        return False

    def draw_with(self, tool: str, brush: int) -> None:
        """Draw with "brush", "eraser" or "polygon"; "" for none."""
        self._props["tool"], self._props["brush"] = tool, brush
        self.update()


class Microphone(Element, component="microphone.js"):
    """Records speech and sends it to /speech. Events: "listening", "heard" (the response), "failed" (why)."""

    def toggle(self) -> None:
        """Begin to record, or end it."""
        self.run_method("toggle")
