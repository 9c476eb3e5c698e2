"""A person says in a real browser what would have been right."""

from __future__ import annotations

import json
import re

import pytest

from refseg_ros.images.pictures import read_picture
from tests.web.conftest import answer, ask


def test_a_correction_outlives_the_browser_and_can_be_trained_with(open_page, robot):
    own_frames = pytest.importorskip("model_training.datasets.own_frames")
    page = open_page()
    ask(page, "the red mug")
    answer(page, "the red mug").get_by_role("button", name="This is wrong").click()
    page.get_by_role("button", name="It is not there").click()
    page.wait_for_selector(".live-view.drawing")
    place = page.locator("canvas.live-view").bounding_box()
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 100, y, steps=4)
    page.mouse.up()
    page.get_by_role("button", name="Propose").click()
    page.locator(".correction .strip").nth(1).get_by_role("button").first.wait_for()  # the model's own masks
    page.context.close()

    again = open_page()
    again.get_by_role("button", name="Go on with it").click()
    again.get_by_role("button", name="Keep").click()
    again.get_by_text("1 corrections are in").wait_for()
    (record,) = own_frames.OwnFrames(robot.lessons).of_split("train")
    assert [one.text for one in record.expressions] == ["the red mug"]
    (mask,) = own_frames.OwnFrames(robot.lessons).masks(record)
    assert mask[240, 320] and mask[240, 380] and not mask[100, 100]
    assert 500 < mask.sum() < 5000


def test_each_button_of_a_correction_tells_when_it_fails(open_page, robot, bench):
    page = open_page()
    ask(page, "the red mug")
    wrong = answer(page, "the red mug").get_by_role("button", name="This is wrong")
    robot.lessons.mkdir(exist_ok=True)
    draft, table = robot.lessons / "draft.json", robot.lessons / "expressions.csv"

    def fails(button, words: str) -> None:  # noqa: ANN001
        button.click()
        told = page.locator(".q-notification").filter(has_text=re.compile(f"This did not work: .*{words}"))
        told.get_by_role("button", name="Close").click()
        told.wait_for(state="hidden")

    draft.mkdir()
    fails(wrong, "draft.json")
    draft.rmdir()
    wrong.click()
    page.wait_for_selector(".live-view.drawing")
    page.get_by_role("button", name="It is not there").click()
    mask = robot.lessons / "masks" / f"{json.loads(draft.read_text())['name']}.png"
    bench.until(lambda: not read_picture(mask).any(), "the empty mask on the disk")
    mask.unlink()
    mask.mkdir()
    for name in ("It is not there", "Undo"):
        fails(page.get_by_role("button", name=name), mask.name)
    table.write_text("picture,words\n")
    fails(page.get_by_role("button", name="Keep"), "the first line names no column image, expression, mask")
    table.unlink()
    fails(page.get_by_role("button", name="Discard"), mask.name)
    mask.rmdir()
    page.locator(".correction").wait_for(state="hidden")
    assert not draft.exists()
