"""The button of the microphone in a real browser, whose device beeps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import refseg_ros.web
from tests.web.conftest import PATIENCE

PLACE = "http://localhost:8000/"
"""Nothing is there: the test answers for it. A browser gives its microphone to such a place only."""
PAGE = """<script type="module">
  import { default as component } from "./microphone.js";
  window.streams = [];
  const media = navigator.mediaDevices, ask = media.getUserMedia.bind(media);
  media.getUserMedia = async (wanted) => (streams.push(await ask(wanted)), streams.at(-1));
  window.microphone = { ...component.methods, $emit: () => {} };
  window.opened = () => streams.flatMap((one) => one.getTracks()).filter((one) => one.readyState === "live").length;
</script>"""


@pytest.fixture
def page(browser) -> Iterator:  # noqa: ANN001
    """Has the microphone, the `streams` that it was given, and how many of them are `opened`."""
    window = browser.new_context()
    window.set_default_timeout(PATIENCE)
    one = window.new_page()
    one.clock.install()
    script = Path(refseg_ros.web.__path__[0], "microphone.js").read_text()
    one.route(PLACE, lambda route: route.fulfill(body=PAGE, content_type="text/html"))
    one.route(f"{PLACE}microphone.js", lambda route: route.fulfill(body=script, content_type="text/javascript"))
    one.goto(PLACE)
    one.wait_for_function("opened() == 0")
    yield one
    window.close()


def test_each_utterance_has_its_own_longest_time(page):
    page.evaluate("microphone.toggle()")
    page.clock.fast_forward(3_000)
    page.evaluate("microphone.toggle()")
    page.wait_for_function("opened() == 0")
    page.clock.fast_forward(5_000)
    page.evaluate("microphone.toggle()")
    page.clock.fast_forward(5_000)  # 13 s after the first began, 5 s after the second did
    assert page.evaluate("microphone.recorder.state") == "recording"
    page.clock.fast_forward(6_000)
    page.wait_for_function("opened() == 0")
    assert page.evaluate("streams.length") == 2


def test_a_second_press_while_the_browser_asks_opens_no_second_microphone(page):
    page.evaluate("Promise.all([microphone.toggle(), microphone.toggle()])")
    assert page.evaluate("[streams.length, opened()]") == [1, 1]
    page.evaluate("microphone.toggle()")
    page.wait_for_function("opened() == 0")
