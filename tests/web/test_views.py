"""What a person takes from the page and turns on it: copied words, the view in space, and the colours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from refseg_ros.web import cards
from refseg_ros.web.palette import COLOURS
from tests.web.conftest import Robot, address_of, ask

ASKED = "the red mug"
IN_SPACE = """() => {
  const scene = window[Object.keys(window).find((name) => name.startsWith("scene_"))];
  const drawn = [];
  scene?.traverse((one) => "material" in one && drawn.push(`${one.type} ${one.material.color.getHexString()}`));
  return drawn.sort().join(", ");
}"""
"""All that is drawn in space: its kind and colour."""


@pytest.fixture(scope="module")
def open_to_all(robot: Robot) -> Iterator[str]:
    """Address of a second page of the robot, for other machines, and without depth."""
    web = robot.start("web_node", host="0.0.0.0", port=0, lessons=str(robot.folder / "other_lessons"), model="tabletop")
    yield address_of(web)
    web.stop()


def shown_stamp(page) -> int:  # noqa: ANN001
    return int(page.get_attribute("canvas.live-view", "data-stamp"))


def clicked_mask(page, bench) -> SimpleNamespace:  # noqa: ANN001
    """Ask, pause, and click in the middle of the mask that is shown: which pixel that is, and the answer."""
    from refseg_ros.images.messages import to_array
    from refseg_ros.node.depth import nanoseconds_of

    ask(page, ASKED)
    page.locator(".answer.found").wait_for()
    first = bench.until(lambda: next((one for one in bench.results if one.query == ASKED), None), "an answer, here too")
    # A page on a busy machine may show pictures from before that.
    bench.until(lambda: shown_stamp(page) > nanoseconds_of(first.header), "a picture since the first answer here")
    page.get_by_role("button", name="Pause").click()
    page.wait_for_timeout(1000)  # the picture that was on its way
    stamp = shown_stamp(page)
    shown = bench.until(
        lambda: next(
            (one for one in bench.results if nanoseconds_of(one.header) == stamp and one.query == ASKED), None
        ),
        "the answer that is shown",
    )
    inside = cv2.distanceTransform(np.pad(to_array(shown.mask), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    y, x = np.unravel_index(inside.argmax(), inside.shape)
    canvas = page.locator("canvas.live-view")
    place, (height, width) = canvas.bounding_box(), inside.shape
    canvas.click(position={"x": (x + 0.5) / width * place["width"], "y": (y + 0.5) / height * place["height"]})
    return SimpleNamespace(x=int(x), y=int(y), answer=shown)


def assert_told(line: str, clicked: SimpleNamespace) -> None:
    from refseg_ros.node.watching import sighting_of

    sighting = sighting_of(clicked.answer)
    assert sighting.place is not None
    pixel, *rest = line.split("; ")
    x, y = map(int, re.fullmatch(r"pixel (\d+), (\d+)", pixel).groups())
    assert abs(x - clicked.x) <= 1 and abs(y - clicked.y) <= 1
    box = ", ".join(map(str, sighting.answer.box))
    assert rest == [f"{ASKED}: box {box}", cards.place_words(sighting)]


@pytest.mark.parametrize("is_secure", [True, False])
def test_a_click_on_a_mask_copies_where_it_is(open_page, robot, open_to_all, bench, is_secure):
    """To other machines the page goes without https, and browsers then have no `navigator.clipboard`."""
    page = open_page()
    if not is_secure:
        page.goto(open_to_all)
        page.wait_for_selector("canvas[data-stamp]")
    assert page.evaluate("[isSecureContext, navigator.clipboard !== undefined]") == [is_secure, is_secure]
    line = page.get_by_label("What to look at")
    line.fill("what was on the clipboard before")
    for keys in ("Control+A", "Control+C"):
        line.press(keys)
    clicked = clicked_mask(page, bench)
    page.get_by_text("Copied: pixel").wait_for()
    line.fill("")
    line.press("Control+V")
    assert_told(line.input_value(), clicked)


def test_what_a_browser_does_not_copy_is_shown(open_page, bench):
    page = open_page()
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {}); document.execCommand = () => false")
    clicked = clicked_mask(page, bench)
    told = page.get_by_text("The browser doesn't let the page copy this: ").inner_text()
    assert_told(told.partition("this: ")[2], clicked)
    assert not page.get_by_text("Copied").count()


def test_the_view_in_space_has_the_points_and_each_thing_with_its_axes(open_page):
    from refseg_ros.web.space_view import AXIS_COLOURS

    page = open_page()
    ask(page, ASKED)
    page.locator(".answer.found", has_text=" m in ").wait_for()
    page.get_by_role("button", name="In space").click()
    page.get_by_text("Red, green and blue are the axes x, y and z of each box.").wait_for()
    axes, camera = [f"Line {colour[1:]}" for colour in AXIS_COLOURS], ["Line ffffff"] * 8
    box, points = f"Mesh {COLOURS[0][1:]}", "Points ffffff"
    # Things are drawn anew each second, and have their colours a moment later.
    expected = ", ".join(sorted([*axes, *camera, box, points]))
    page.wait_for_function(f"expected => ({IN_SPACE})() == expected", arg=expected)


def test_without_depth_the_view_in_space_says_so(open_page, open_to_all):
    page = open_page()
    page.goto(open_to_all)
    page.wait_for_selector("canvas[data-stamp]")
    page.get_by_role("button", name="In space").click()
    page.get_by_text("There is no depth at this moment.").wait_for()
    assert page.evaluate(IN_SPACE) == ""


def test_the_colours_are_as_the_system_or_dark_or_light(open_page):
    page = open_page(color_scheme="light")

    def brightness() -> float:
        told = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return np.mean([int(value) for value in re.findall(r"\d+", told)[:3]])

    button = page.get_by_role("button", name="Colours: ")
    as_the_system = brightness()
    button.click()
    page.get_by_role("button", name="Colours: dark").wait_for()
    page.wait_for_selector("body.body--dark")
    assert brightness() < 60
    button.click()
    page.get_by_role("button", name="Colours: light").wait_for()
    page.wait_for_selector("body:not(.body--dark)")
    assert brightness() == as_the_system > 200
