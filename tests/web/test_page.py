"""The page in a real browser, in front of the simulated camera and the shipped model."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from refseg_ros.space.pairing import NANOSECONDS
from refseg_ros.web.palette import COLOURS, rgb_of
from tests.speech.voice import needs_espeak
from tests.web.conftest import PATIENCE, answer, ask, picture

README_PICTURE = Path(__file__).parent.parent.parent / "docs" / "live.png"


def test_the_mask_lies_on_what_was_typed(open_page):
    page = open_page()
    page.get_by_role("button", name="Truth").wait_for()  # the key does nothing before the first truth has come
    page.keyboard.press("t")
    for text, thing in (("the red mug", "red mug"), ("the bowl", "orange bowl")):
        ask(page, text)
        answer(page, text).get_by_text(re.compile(rf"truly the {thing}, ([7-9]\d|100) % overlap")).wait_for()
    drawn = np.abs(picture(page).astype(int) - rgb_of(COLOURS[0])).max(axis=2) < 40
    rows, columns = np.nonzero(drawn)
    assert len(rows) > 100, "the outline is not drawn in the expression's colour"
    middle = (columns.mean() / drawn.shape[1], rows.mean() / drawn.shape[0])
    assert np.allclose(middle, (0.57, 0.47), atol=0.08), middle  # where the bowl stands


def test_several_expressions_have_colours_and_unknown_words_a_better_one(open_page):
    page = open_page()
    ask(page, "the red mugg; the bowl")
    card = answer(page, "the red mugg")
    assert card.locator("s").inner_text() == "mugg"
    answer(page, "the bowl")  # the answers of a new query may come one after the other
    assert page.locator(".answer").count() == 2
    colours = page.eval_on_selector_all(".answer", "all => all.map(one => one.style.getPropertyValue('--colour'))")
    assert colours == list(COLOURS[:2])
    card.get_by_role("button", name="mug", exact=True).click()
    answer(page, "the red mug")


def test_two_browsers_and_a_program_see_the_same(open_page, bench):
    first, second = open_page(), open_page()
    ask(first, "the black can")
    answer(second, "the black can")
    bench.until(lambda: any(one.query == "the black can" for one in bench.results), "the answer")
    bench.until(lambda: bench.queries.get_subscription_count() > 1, "page and node")
    bench.ask("the brown ball")
    for page in (first, second):
        answer(page, "the brown ball")
        page.get_by_text("Asked before").click()
        page.get_by_role("button", name="the brown ball").first.wait_for()


@pytest.mark.parametrize(
    "text",
    [
        "<script>window.broken = 1</script>",
        '"><img src=x onerror="window.broken = 1"> the mug',
        "\N{GRINNING FACE} the \N{RIGHT-TO-LEFT OVERRIDE}mug &amp; {{ 1 + 1 }}",
    ],
)
def test_hostile_text_is_text(open_page, text):
    page = open_page()
    ask(page, text)
    page.get_by_text("Asked before").click()
    page.locator("details .queries button").first.filter(has_text="&amp;" if "&amp;" in text else text[:9]).wait_for()
    page.locator(".answer").first.wait_for()
    assert page.evaluate("window.broken") is None
    assert not page.locator(".answer img, .answer script, .queries img, .queries script").count()


def test_ten_megabytes_of_text_are_cut(open_page, bench):
    page = open_page()
    bench.until(lambda: bench.queries.get_subscription_count() > 1, "page and node")
    bench.ask("the mug " * 1_300_000)
    page.locator(".answer").filter(has_text="Not read, it is too long").wait_for()
    assert len(page.content()) < 1_000_000
    page.get_by_label("What to look at").fill("the mug " * 1_300_000)
    assert len(page.get_by_label("What to look at").input_value()) <= 2000
    ask(page, "the red mug")
    answer(page, "the red mug")


def test_no_request_leaves_the_machine(browser, robot):
    window = browser.new_context()
    asked: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    page = window.new_page()
    page.on("websocket", lambda connection: asked.append(connection.url))
    page.goto(robot.address)
    page.wait_for_selector("canvas[data-stamp]", timeout=PATIENCE)
    page.keyboard.press("s")  # the view in space loads more
    page.wait_for_selector(".space canvas", timeout=PATIENCE)
    ask(page, "the red mug")
    page.wait_for_selector(".answer", timeout=PATIENCE)
    window.close()
    places = {urlsplit(url).netloc for url in asked if not url.startswith(("data:", "blob:"))}
    assert places == {urlsplit(robot.address).netloc}
    assert any("/pictures/" in url for url in asked)


def test_a_new_scene_and_things_that_move(open_page, bench):
    from std_msgs.msg import String

    told: list[str] = []
    bench.node.create_subscription(String, "/camera/truth", lambda message: told.append(message.data), 10)
    page, other = open_page(), open_page()
    page.get_by_role("button", name="New scene").click()
    bench.until(lambda: any('"seed": 8' in one for one in told[-3:]), "the next scene")
    page.get_by_role("button", name="Move things").click()
    bench.until(lambda: any(re.search(r'"motion": "', one) for one in told[-3:]), "a motion")
    other.get_by_role("button", name="Move things", pressed=True).click()
    page.get_by_role("button", name="Move things", pressed=False).wait_for()


def test_pause_keeps_the_picture_and_a_click_copies(open_page):
    page = open_page()
    page.keyboard.press("p")
    page.wait_for_selector("button[aria-pressed=true]")
    page.wait_for_timeout(1000)
    stamp = page.get_attribute("canvas.live-view", "data-stamp")
    page.wait_for_timeout(1500)
    assert page.get_attribute("canvas.live-view", "data-stamp") == stamp
    page.locator("canvas.live-view").click(position={"x": 10, "y": 10})
    page.get_by_text(re.compile(r"Copied: pixel \d+, \d+")).wait_for()


def test_a_button_stays_while_the_answer_beside_it_changes(open_page, robot):
    page = open_page()
    ask(page, "the red mug")
    page.get_by_role("button", name="Move things").click()
    card = answer(page, "the red mug")
    wrong = card.get_by_role("button", name="This is wrong")
    wrong.focus()
    before = card.inner_html()
    page.wait_for_function("([card, before]) => card.innerHTML != before", arg=[card.element_handle(), before])
    assert wrong.evaluate("button => button == document.activeElement")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Discard").click()
    page.get_by_role("button", name="Move things").click()


@needs_espeak
def test_what_is_said_becomes_a_query(launched, robot, tmp_path):
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed (the extra `speech`)")
    from tests.speech.voice import say, write_wav

    silence = np.zeros(8000, np.int16)
    wav = write_wav(tmp_path / "said.wav", np.concatenate([silence, say("the yellow hammer"), silence]))
    window = launched(f"--use-file-for-fake-audio-capture={wav}%noloop").new_context()
    window.set_default_timeout(PATIENCE)
    page = window.new_page()
    page.goto(robot.address)
    page.wait_for_selector("canvas[data-stamp]")
    page.get_by_role("button", name="Speak").click()
    page.wait_for_selector("button.on[aria-label=Speak]")
    page.wait_for_timeout(3000)  # until it is said
    page.get_by_role("button", name="Speak").click()
    answer(page, "the yellow hammer")
    window.close()


def test_it_can_be_used_without_seeing_or_pointing(open_page):
    page = open_page()
    ask(page, "the red mug")
    answer(page, "the red mug")
    page.get_by_role("img", name=re.compile(r"\. found: the red mug")).wait_for()
    page.locator("[aria-live=polite]", has_text=re.compile("^found: the red mug")).first.wait_for(state="attached")
    unnamed = page.eval_on_selector_all(
        "button, input, [role=slider]",
        "all => all.filter(one => one.checkVisibility() && !(one.ariaLabel || one.innerText.trim())).length",
    )
    assert unnamed == 0
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "a phone scrolls sideways"


def test_a_camera_that_stalls_is_told_and_comes_back(open_page, robot):
    page = open_page()
    robot.camera.process.send_signal(signal.SIGSTOP)
    try:
        page.locator(".notice", has_text="No picture for").wait_for()
    finally:
        robot.camera.process.send_signal(signal.SIGCONT)
    page.locator(".notice").wait_for(state="hidden")


def test_a_node_that_dies_is_told_and_comes_back(open_page, robot):
    page = open_page()
    robot.segment.process.kill()
    page.locator(".state.fault", has_text="the node refseg/segment is silent").wait_for()
    stamp = page.get_attribute("canvas.live-view", "data-stamp")
    page.wait_for_function(f"document.querySelector('canvas.live-view').dataset.stamp !== '{stamp}'")
    ask(page, "the orange bowl")  # the node that comes back has not heard it
    robot.segment = robot.start_segment()
    page.locator(".state.fine").wait_for()
    answer(page, "the orange bowl")


def test_the_picture_goes_on_when_a_lost_connection_ends_after_the_next_has_begun(open_page):
    page = open_page()
    with page.expect_event("websocket", lambda one: "/pictures/" in one.url) as pictures:
        page.reload()
    page.wait_for_selector("canvas[data-stamp]")
    # A second one of the same page; the first now is the next, and this one the lost one.
    other = page.evaluate_handle(
        "url => new Promise((done) => { const one = new WebSocket(url); one.onopen = () => done(one); })",
        pictures.value.url,
    )
    stamp = other.evaluate(
        """one => new Promise((done) => {
          one.onclose = () => done(document.querySelector("canvas.live-view").dataset.stamp);
          one.close();
        })"""
    )
    after = int(stamp) + 3 * NANOSECONDS  # when a page that nobody looks at has no pictures any more
    page.wait_for_function(f"BigInt(document.querySelector('canvas.live-view').dataset.stamp) > {after}n")


def test_the_page_comes_back_with_its_node(open_page, robot):
    page = open_page()
    port = urlsplit(robot.address).port
    page.evaluate("window.isOld = true")
    robot.web.process.kill()
    robot.web = robot.start("web_node", port=port, lessons=str(robot.lessons), model="tabletop")
    page.wait_for_function("!window.isOld && document.querySelector('canvas[data-stamp]')", timeout=PATIENCE)
    ask(page, "the blue ball")
    answer(page, "the blue ball")


@pytest.mark.skipif(not os.environ.get("REFSEG_PICTURES"), reason="REFSEG_PICTURES=1 puts it into docs/")
def test_the_picture_of_the_readme(open_page):
    """What a newcomer sees first."""
    page = open_page(device_scale_factor=1.5, color_scheme="light")
    page.set_viewport_size({"width": 1440, "height": 905})
    asked = ("the red mug", "the bowl", "the can")
    ask(page, "; ".join(asked))
    for text in asked:
        answer(page, text)
    page.locator(".answers .found").nth(2).wait_for()
    page.wait_for_timeout(1500)
    page.screenshot(path=README_PICTURE)
    assert README_PICTURE.stat().st_size > 50_000
