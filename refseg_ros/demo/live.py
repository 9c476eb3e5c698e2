"""Play with it: camera, node and live page as separate processes, and the page opened in your browser.

    python -m refseg_ros.demo.live                      the simulated table
    python -m refseg_ros.demo.live --source clip.mp4    a video, a folder of images, or a webcam (--source 0)

Ends with Ctrl-C. Exit code 0 then, 1 when a part cannot run.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import tempfile
import time
import webbrowser
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from refseg_ros.command import forget_interrupt, program
from refseg_ros.demo.processes import DemoError, NodeProcess, Setting, failed, stay_on_this_machine
from refseg_ros.demo.scene import ASKED, SEED, SIMULATED, SPLIT
from refseg_ros.ros.node_config import CameraNodeConfig
from refseg_ros.web.config import WebConfig

START_WAIT = 60.0
"""Seconds in which the page must start."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it until Ctrl-C; returns the exit code."""
    parser = argparse.ArgumentParser(prog=program(), description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--source", default=CameraNodeConfig.source, help="a video file, a folder of images, or a webcam (0)"
    )
    parser.add_argument("--port", type=int, default=WebConfig.port, help="of the page (default: %(default)s)")
    options = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts its background jobs with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    try:
        _run(options.source, options.port)
    except (DemoError, OSError) as error:
        return failed(error)
    except KeyboardInterrupt:
        forget_interrupt()
        print("stopped", file=sys.stderr)
    return 0


def _run(source: str, port: int) -> None:
    stay_on_this_machine()
    simulated = source == CameraNodeConfig.source
    shared = SIMULATED if simulated else {}
    query = next(iter(ASKED)) if simulated else ""
    parts: dict[str, dict[str, Setting]] = {
        "camera_node": {"source": source, "seed": SEED, "split": SPLIT},
        "segment_node": {"query": query, **shared},
        "web_node": {"port": port, **shared},
    }
    with tempfile.TemporaryDirectory(prefix="refseg_live_") as folder, ExitStack() as stack:
        print("starting camera, node and page ...", flush=True)
        nodes = [
            stack.enter_context(NodeProcess(name, parameters, Path(folder) / f"{name}.log"))
            for name, parameters in parts.items()
        ]
        address = _address(nodes)
        print(f"look at {address} (Ctrl-C ends it)", flush=True)
        if "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ:
            webbrowser.open(address)
        while True:
            _check(nodes)
            time.sleep(0.5)


def _address(nodes: Sequence[NodeProcess]) -> str:
    """The address of the page, from the log of its node, the last of the nodes."""
    until = time.monotonic() + START_WAIT
    while time.monotonic() < until:
        _check(nodes)
        told = re.search(r"the page is at (http\S+)", nodes[-1].log.read_text(errors="replace"))
        if told:
            return told[1]
        time.sleep(0.05)
    raise DemoError(f"the page did not come within {START_WAIT:g} s; {nodes[-1].tail()}")


def _check(nodes: Sequence[NodeProcess]) -> None:
    for node in nodes:
        node.check()


if __name__ == "__main__":
    sys.exit(main())
