"""The node at addresses that others can reach, at one that is taken, and with several cameras."""

from __future__ import annotations

import re
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from refseg_ros.demo.processes import NodeProcess, stay_on_this_machine
from tests.web.conftest import PATIENCE, address_of, picture

pytest.importorskip("nicegui", reason="nicegui is not installed (the extra `web`)")
pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from std_msgs.msg import String

from refseg_ros.images.messages import to_message
from refseg_ros.msg import Segmentation

IS_OPENED = """url => new Promise((done) => {
  const socket = new WebSocket(url);
  socket.onopen = () => done(true);
  socket.onerror = () => done(false);
})"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator:
    stay_on_this_machine()
    started = []

    def one(name: str = "web_node", remappings: dict[str, str] | None = None, **parameters: object) -> NodeProcess:
        if name == "web_node":
            parameters = {"port": 0, "lessons": str(tmp_path / "lessons")} | parameters
        started.append(NodeProcess(name, parameters, tmp_path / f"{len(started)}.log", remappings))
        return started[-1]

    yield one
    for process in started:
        process.stop()


def status(address: str, **headers: str) -> int:
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    try:
        return opener.open(urllib.request.Request(address, headers=headers), timeout=30).status
    except urllib.error.HTTPError as error:
        return error.code


def test_an_address_for_others_wants_its_token_for_everything(start):
    process = start(host="0.0.0.0")
    told = address_of(process)
    token = re.search(r"\?token=(\S{20,})$", told)[1]
    place = f"http://127.0.0.1:{urlsplit(told).port}"
    for path in ("/", "/speech", "/pictures/x", "/_nicegui/3.18.0/static/fonts.css", "/?token=wrong"):
        assert status(place + path) == 403, path
    assert status(f"{place}/?token={token}") == 200
    assert process.log.read_text().count(token) == 1


@pytest.fixture
def other_site() -> Iterator[str]:
    """Address of a page that is not ours, on what browsers take for another machine."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()

        def log_message(self, *told: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()


def test_a_link_of_another_site_leads_in_and_its_scripts_do_not(start, browser, other_site):
    told = urlsplit(address_of(start(host="0.0.0.0")))
    place = f"127.0.0.1:{told.port}"
    window = browser.new_context()
    window.set_default_timeout(PATIENCE)
    page = window.new_page()
    for query in (told.query, ""):  # with the token, and then by the cookie
        page.goto(other_site)
        page.set_content(f"<a href='http://{place}/?{query}'>robot</a>")
        page.get_by_text("robot").click()
        page.get_by_role("heading", name="What the robot sees").wait_for()
    channel = f"ws://{place}/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    assert page.evaluate(IS_OPENED, channel)
    page.goto(other_site)
    assert not page.evaluate(IS_OPENED, channel)
    page.set_content(f"<form method=post action='http://{place}/speech'><button>say it</button></form>")
    with page.expect_response(f"http://{place}/speech") as said:
        page.get_by_role("button").click()
    assert said.value.status == 403
    page.goto(other_site)
    with page.expect_response(f"http://{place}/speech") as said:
        page.evaluate(
            "place => { fetch(`http://${place}/speech`, {method: 'POST', mode: 'no-cors', credentials: 'include'}); }",
            place,
        )
    assert said.value.status == 403
    window.close()


def test_this_machine_needs_none_and_others_get_nothing(start):
    address = address_of(start())
    assert status(address) == 200
    assert status(address, Host="robot.example") == 403
    assert status(address, Origin="http://robot.example") == 403
    for page_of_fastapi in ("docs", "redoc", "openapi.json"):
        assert status(address + page_of_fastapi) == 404


@pytest.mark.parametrize("host", ["127.0.0.1", "nowhere.invalid", "a..b"])
def test_an_address_that_is_not_to_be_had_is_told_in_a_line(start, host):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start(host=host, port=taken.getsockname()[1])
        assert process.process.wait(60) == 1
    told = process.log.read_text()
    assert f"the page cannot be served at {host}:" in told and "Traceback" not in told


@pytest.mark.parametrize(
    ("topics", "words"),
    [
        ({"image_topic": "bad topic"}, "image_topic is 'bad topic', which is no name of a topic"),
        ({"image_topic": ""}, "image_topic is empty"),
    ],
)
def test_topics_that_are_none_are_told_in_a_line(start, topics, words):
    """One of each kind; tests/ros/test_parameters.py has the others."""
    process = start(**topics)
    assert process.process.wait(60) == 1
    (line,) = process.log.read_text().splitlines()
    assert "[FATAL]" in line and words in line


def test_the_page_takes_the_same_white_as_the_node(start, browser, bench):
    address = address_of(start(mono16_range="300"))
    window = browser.new_context()
    window.set_default_timeout(PATIENCE)
    page = window.new_page()
    page.goto(address)
    image = to_message(np.full((48, 64), 300, np.uint16), "mono16", bench.header())
    bench.until(lambda: bench.images.get_subscription_count(), "the page's subscription", seconds=PATIENCE / 1e3)

    def shown() -> bool:
        image.header = bench.header()
        bench.images.publish(image)
        bench.listen(0.1)
        return page.locator("canvas[data-stamp]").count() > 0

    bench.until(shown, "the picture on the page", seconds=PATIENCE / 1e3)
    assert picture(page).mean() > 250, "75 by the bits that the brightest pixel takes"
    window.close()


def test_a_message_that_cannot_be_read_is_told_by_its_kind(start, browser, bench):
    web = start()
    window = browser.new_context()
    window.set_default_timeout(PATIENCE)
    window.new_page().goto(address_of(web))
    truth = bench.node.create_publisher(String, "/camera/truth", 10)
    results = bench.node.create_publisher(Segmentation, "/refseg/result", 10)

    def told() -> bool:
        truth.publish(String(data="[]"))
        results.publish(Segmentation(header=bench.header(), verdict=99))
        bench.listen(0.1)
        return all(f"{kind} refused: " in web.log.read_text() for kind in ("truth", "result"))

    bench.until(told, "a line for each", seconds=PATIENCE / 1e3)
    window.close()


def test_of_a_simulated_table_without_a_camera_node_the_truth_can_be_shown(start, browser):
    pytest.importorskip("mujoco", reason="mujoco is not installed (the extra `simulation`)")
    start("demo.robot", width=320, height=240)
    web = start()
    window = browser.new_context()
    window.set_default_timeout(PATIENCE)
    page = window.new_page()
    with page.expect_event("websocket", lambda one: "/pictures/" in one.url) as pictures:
        page.goto(address_of(web))
    page.get_by_role("button", name="Truth").wait_for()
    for scenes in ("New scene", "Move things"):
        assert not page.get_by_role("button", name=scenes).is_visible(), "there is nobody to do it"
    with pictures.value.expect_event("framereceived", lambda data: b'"name": "red mug"' in data):
        page.keyboard.press("t")
    window.close()
    assert "refused" not in web.log.read_text()


def test_each_camera_can_be_chosen(start, browser):
    for name, seed in (("front", 7), ("wrist", 8)):
        start("camera_node", {"__ns": f"/{name}"}, seed=seed, split="held_out")
    cameras = {"image_topic": "/{camera}/image_raw", "cameras": ["front", "wrist"], "model": "tabletop"}
    start("segment_node", threads=1, max_frame_age=0.0, query="the mug", **cameras)
    address = address_of(start(**cameras))
    window = browser.new_context()
    window.set_default_timeout(PATIENCE)
    page = window.new_page()
    page.goto(address)
    things = "[...document.querySelectorAll('.queries button')].map(one => one.innerText).join()"
    page.locator(".answer").first.wait_for()
    page.wait_for_function(f"{things}.length > 0")
    of_front = page.evaluate(things)
    page.get_by_role("button", name="wrist").click()
    page.wait_for_function(f"{things} !== {of_front!r}")  # what lies on the other table
    page.locator(".answer").first.wait_for()
    window.close()
