"""The programs in examples/ that talk to the node run as their page says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from tests.ros.bench import picture
from tests.ros.depth_camera import FOCAL, SETTINGS, DepthCamera, plate_of

EXAMPLES = Path(__file__).parents[2] / "examples"


@contextmanager
def beside(folder: Path, name: str, *arguments: object) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A program that runs meanwhile, and the file that takes what it prints."""
    said = folder / "said.txt"
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    with (
        said.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=output) as process,
    ):
        try:
            yield process, said
        finally:
            while process.poll() is None:
                process.terminate()
                # Now and then rclpy.spin alone does not wake up at a signal; a second one wakes it.
                with suppress(subprocess.TimeoutExpired):
                    process.wait(5.0)


def test_watch_results(start, bench, bundle_folder: Path, tmp_path: Path) -> None:
    start("segment_node", model=str(bundle_folder), threads=1)
    bench.wait_for_node()

    def lines() -> list[str]:
        return said.read_text().splitlines()

    with beside(tmp_path, "watch_results.py", "the red mug; the blue mug") as (_, said):
        bench.show_until(picture(), lambda: len({line.split(":")[0] for line in lines()}) == 2, "both answers")
    red, blue = (next(line for line in lines() if line.startswith(name)) for name in ("the red", "the blue"))
    assert red.startswith("the red mug: found ") and " at x=" in red
    assert blue.startswith("the blue mug: not found ") and " at x=" not in blue


def test_pick_and_place(start, bench, bundle_folder: Path, tmp_path: Path) -> None:
    start("segment_node", model=str(bundle_folder), **(SETTINGS | {"query": ""}), stable_frames=3)
    camera = DepthCamera(bench)
    camera.wait_for_node()
    with beside(tmp_path, "pick_and_place.py", "the red mug") as (picker, said):
        bench.until(lambda: _sent(camera, bench) and picker.poll() is not None, "the end of the program", seconds=120.0)
    assert picker.returncode == 0, said.read_text()
    words = said.read_text().split()
    assert words[:2] == ["grasp", "at"]
    assert np.allclose([float(word) for word in words[2:5]], plate_of(FOCAL), atol=0.015)


def _sent(camera: DepthCamera, bench) -> bool:
    camera.send(bench.header())
    bench.listen(0.05)
    return True
