"""A robot with a simulated camera and a live page, and a real browser that looks at it."""

from __future__ import annotations

import base64
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from refseg_ros.demo.processes import NodeProcess, Setting, stay_on_this_machine
from refseg_ros.demo.scene import SEED, SIMULATED, SPLIT
from tests.ros.conftest import bench

__all__ = ["bench"]

PATIENCE = 60_000
"""Milliseconds after which what has to come on the page is missing; far beyond what it takes."""
RATE = 4.0
"""Hz: rendering ten images a second in software takes more than a core."""
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--enable-unsafe-swiftshader"),
    *("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"),
)


CANVAS_AS_PNG = '() => document.querySelector("canvas.live-view").toDataURL("image/png").split(",")[1]'


class Robot:
    """Camera, node and page as processes."""

    def __init__(self, folder: Path) -> None:
        stay_on_this_machine()
        self.folder = folder
        self.lessons = folder / "lessons"
        self.camera = self.start("camera_node", seed=SEED, split=SPLIT, rate=RATE)
        # Every image is answered, however busy the machine is.
        self.segment = self.start_segment()
        self.web = self.start("web_node", port=0, lessons=str(self.lessons), **SIMULATED)
        self.address = address_of(self.web)

    def start(self, name: str, **parameters: Setting) -> NodeProcess:
        return NodeProcess(name, parameters, self.folder / f"{name}_{time.monotonic_ns()}.log")

    def start_segment(self) -> NodeProcess:
        return self.start("segment_node", threads=1, max_frame_age=0.0, **SIMULATED)

    def stop(self) -> None:
        for process in (self.web, self.segment, self.camera):
            process.stop()


def address_of(web: NodeProcess) -> str:
    """Where a page is, from the log of its node."""
    end = time.monotonic() + PATIENCE / 1e3
    while not (told := re.search(r"the page is at (\S+)", web.log.read_text())):
        web.check()
        assert time.monotonic() < end, web.tail()
        time.sleep(0.05)
    return told[1]


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Robot]:
    pytest.importorskip("rclpy", reason="ROS 2 is not installed")
    pytest.importorskip("nicegui", reason="nicegui is not installed (the extra `web`)")
    pytest.importorskip("mujoco", reason="mujoco is not installed (the extra `simulation`)")
    one = Robot(tmp_path_factory.mktemp("robot"))
    yield one
    one.stop()


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable]:
    """Launches a browser with more flags."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or pytest.skip("chromium is not installed (apt)")
    with playwright.sync_playwright() as driver:
        started = []

        def launch(*flags: str):  # noqa: ANN202
            started.append(driver.chromium.launch(executable_path=chromium, args=[*FLAGS, *flags]))
            return started[-1]

        yield launch
        for one in started:
            one.close()


@pytest.fixture(scope="module")
def browser(launched: Callable):  # noqa: ANN201
    return launched()


@pytest.fixture
def open_page(browser, robot) -> Iterator[Callable]:  # noqa: ANN001
    """Opens the page in a window of its own: `open_page(color_scheme="dark")`."""
    windows = []

    def opened(**options: object):  # noqa: ANN202
        window = browser.new_context(viewport={"width": 1280, "height": 860}, **options)
        windows.append(window)
        window.set_default_timeout(PATIENCE)
        page = window.new_page()
        page.goto(robot.address)
        page.wait_for_selector("canvas[data-stamp]")
        return page

    yield opened
    for window in windows:
        window.close()


def ask(page, text: str) -> None:  # noqa: ANN001
    """Type it, by the keyboard alone."""
    page.get_by_label("What to look at").focus()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)
    page.keyboard.press("Enter")


def answer(page, text: str):  # noqa: ANN001, ANN201
    """The card of an expression, once there is one."""
    card = page.locator(".answer").filter(has=page.locator(".expression", has_text=re.compile(f"^{re.escape(text)}$")))
    card.first.wait_for()
    return card.first


def picture(page) -> np.ndarray:  # noqa: ANN001
    """(H, W, 3) uint8: what the camera's picture shows."""
    png = np.frombuffer(base64.b64decode(page.evaluate(CANVAS_AS_PNG)), np.uint8)
    return cv2.imdecode(png, cv2.IMREAD_COLOR)[..., ::-1]
