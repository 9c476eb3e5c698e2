"""The live page: camera stamp to mask on the page in a real browser, what the page costs the node, and its growth."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from benchmarks import distant_browser
from benchmarks.measuring import Effort, Table
from benchmarks.node import PATIENCE, RATE, Bench, cpu_seconds, nodes, resident
from refseg_ros.demo.processes import NodeProcess, stay_on_this_machine
from refseg_ros.demo.scene import SEED, SPLIT
from refseg_ros.engines.bundle import TABLETOP
from refseg_ros.ros.transport import prefer_large_shared_memory
from refseg_ros.simulation.tabletop import Tabletop

SIZE = (640, 480)
VIEW = {"width": 1280, "height": 860}
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader")
RATES = (10.0, RATE)
SETTLE = 2.0
"""Seconds that a page is left alone for once it shows pictures."""
WATCH = """() => {
  const canvas = document.querySelector("canvas.live-view");
  window.drawn = [];
  const note = () => drawn.push([canvas.dataset.stamp, performance.timeOrigin + performance.now()]);
  new MutationObserver(note).observe(canvas, { attributeFilter: ["data-stamp"] });
}"""
"""Keeps the stamp of each picture that is drawn, and the time of drawing in milliseconds since 1970."""


@contextmanager
def served() -> Iterator[tuple[NodeProcess, str]]:
    """The node `web`, and the address of its page."""
    with (
        tempfile.TemporaryDirectory() as folder,
        NodeProcess(
            "web_node", {"port": 0, "lessons": folder, "model": str(TABLETOP)}, Path(folder) / "web.log"
        ) as web,
    ):
        until = time.perf_counter() + PATIENCE
        while not (told := re.search(r"the page is at (\S+)", web.log.read_text())):
            web.check()
            if time.perf_counter() > until:
                raise SystemExit(f"there was no page within {PATIENCE:g} s; {web.tail()}")
            time.sleep(0.05)
        yield web, told[1]


@contextmanager
def opened(browser: Browser, address: str, bench: Bench, pixels: np.ndarray) -> Iterator[Page]:
    """A page that shows the camera's pictures, and notes when it draws each."""
    page = browser.new_page(viewport=VIEW)
    page.goto(address)
    until = time.perf_counter() + PATIENCE
    while page.query_selector("canvas[data-stamp]") is None:
        if time.perf_counter() > until:
            raise SystemExit(f"the page showed no picture within {PATIENCE:g} s")
        _answers(bench, pixels, RATE, 0.5)
    page.evaluate(WATCH)
    _answers(bench, pixels, RATE, SETTLE)
    page.evaluate("drawn.splice(0)")
    yield page
    page.close()


@contextmanager
def distant(address: str, bench: Bench, pixels: np.ndarray) -> Iterator[None]:
    """A running `distant_browser` that has its first picture."""
    line = [sys.executable, "-m", "benchmarks.distant_browser", address]
    with subprocess.Popen(line, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        until = time.perf_counter() + PATIENCE
        try:
            while distant_browser.WATCHES.encode() not in (process.stdout.read() or b""):
                if process.poll() is not None or time.perf_counter() > until:
                    raise SystemExit(f"the page gave no picture within {PATIENCE:g} s")
                _answers(bench, pixels, RATE, 0.5)
            _answers(bench, pixels, RATE, SETTLE)
            yield
        finally:
            process.terminate()


def drawn_ages(page: Page) -> dict[int, float]:
    """Stamp of each picture that was drawn since the last call -> seconds from the stamp to the drawing."""
    return {int(stamp): at / 1e3 - int(stamp) / 1e9 for stamp, at in page.evaluate("drawn.splice(0)")}


def beside(bench: Bench, browser: Browser, address: str, pixels: np.ndarray, rate: float, effort: Effort) -> Table:
    """The table of answers with and without a browser, in turn."""
    ages: dict[str, list[float]] = {"no": [], "distant": [], "here": []}
    later: list[float] = []
    shown, seconds = 0, effort.seconds / 2
    for _ in range(effort.least):
        ages["no"] += _answers(bench, pixels, rate, seconds).values()
        with distant(address, bench, pixels):
            ages["distant"] += _answers(bench, pixels, rate, seconds).values()
        with opened(browser, address, bench, pixels) as page:
            answered = _answers(bench, pixels, rate, seconds)
            drawn = drawn_ages(page)
        ages["here"] += answered.values()
        later += [age - answered[stamp] for stamp, age in drawn.items() if stamp in answered]
        shown += len(drawn)
    without, distant_, here = (1e3 * float(np.median(ages[key])) for key in ages)
    beyond = 1e3 * float(np.median(later))
    rows = [
        ["age of a frame when its mask arrives, no browser, median", f"{without:.1f} ms"],
        ["with a browser on another machine", f"{distant_:.1f} ms, {distant_ / without:.2f} x"],
        ["with Chromium on this machine", f"{here:.1f} ms, {here / without:.2f} x"],
        ["mask arrived to mask drawn on the page, median", f"{beyond:.1f} ms"],
        ["pictures drawn per second", f"{shown / effort.least / seconds:.1f}"],
    ]
    title = f"The live page beside a camera of 640x480 at {rate:g} Hz"
    figures = {"page": beyond, "page cost": distant_ / without, "page here": here / without} if rate == RATE else {}
    notes = ["A browser on another machine is a process that takes the pictures and draws none; Chromium has no GPU."]
    return Table(title, ["what", "measured"], rows, notes=notes, figures=figures)


def _answers(bench: Bench, pixels: np.ndarray, rate: float, seconds: float) -> dict[int, float]:
    """Send images for some seconds: number -> age in seconds when the mask arrived."""
    answered: dict[int, float] = {}
    for came in bench.film(pixels, seconds, rate):
        answered |= came
    return answered


def growth(bench: Bench, browser: Browser, address: str, pixels: np.ndarray, web: NodeProcess, effort: Effort) -> Table:
    """The table of memory while the page is looked at."""
    node, page_heap = [], []
    with opened(browser, address, bench, pixels) as page:
        devtools = page.context.new_cdp_session(page)
        began, cpu, due = time.perf_counter(), cpu_seconds(web.process.pid), 0.0
        for _ in bench.film(pixels, effort.soak):
            page.evaluate("drawn.splice(0)")
            if time.perf_counter() >= due:
                due = time.perf_counter() + effort.soak / 20
                node.append(resident(web.process.pid))
                page_heap.append(_heap(devtools))
        used = (cpu_seconds(web.process.pid) - cpu) / (time.perf_counter() - began)
    rows = [["cores used by the node `web`", f"{used:.2f}"]]
    grown = []
    for what, memory in (("the node `web`", node), ("the page, without garbage", page_heap)):
        early, late = float(np.median(memory[4:8])), float(np.median(memory[-4:]))
        grown.append(late - early)
        rows.append([f"memory of {what}, second and last fifth of the time", f"{early:.1f} and {late:.1f} MB"])
    title = f"The live page at {RATE:g} images of 640x480 a second, for {effort.soak / 60:.1f} minutes"
    return Table(title, ["what", "measured"], rows, figures={"page growth": grown[0]})


def _heap(devtools: CDPSession) -> float:
    """Memory of the page's objects, MB."""
    devtools.send("HeapProfiler.collectGarbage")
    return float(devtools.send("Runtime.getHeapUsage")["usedSize"]) / 1e6


def measure(effort: Effort) -> list[Table]:
    """The tables of the page."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("there is no Chromium; `tools/setup.sh tests` installs it")
    stay_on_this_machine()
    prefer_large_shared_memory()
    with Tabletop(*SIZE) as tabletop:
        tabletop.reset(SEED, SPLIT, moving=False)
        pixels = tabletop.render(depth=False).rgb
    with nodes() as (bench, _), served() as (web, address), sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=list(FLAGS))
        tables = [beside(bench, browser, address, pixels, rate, effort) for rate in RATES]
        return [*tables, growth(bench, browser, address, pixels, web, effort)]
