"""What the soak promises of itself: the same seed throws in the same faults, and a wrong answer is noticed."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from refseg_ros.images.messages import to_message
from refseg_ros.msg import BoundingBox, Segmentation
from tests.ros.vitals import Vitals
from tests.soak.__main__ import soak
from tests.soak.helpers import HEIGHT, NAME, SIDE, WIDTH, Sent, corner, picture
from tests.soak.schedule import KINDS, faults
from tests.soak.watch import QUERY, Watch


def test_the_same_seed_throws_in_the_same_faults() -> None:
    assert faults(5, 10) == faults(5, 10)
    assert faults(5, 10) != faults(6, 10)
    assert sum(fault.pause for fault in faults(5, 10)) > 600
    assert {fault.kind for fault in faults(5, 0.1)} == set(KINDS)


def test_a_picture_tells_its_number_from_its_neighbours() -> None:
    for number in range(1, 200):
        x, y = corner(number)
        assert 0 <= x <= WIDTH - SIDE and 0 <= y <= HEIGHT - SIDE
        assert (picture(number)[y : y + SIDE, x : x + SIDE, 0] == 220).all()
        assert all(max(np.abs(np.subtract(corner(number + by), (x, y)))) > 32 for by in range(1, 30))


@pytest.fixture
def watch(tmp_path: Path, bench) -> Watch:
    """A watch that has seen nothing yet, of a camera that sent nine frames."""
    sent = Sent(tmp_path / "sent")
    for number in range(1, 10):
        sent.add(number * 10**9 + 5)
    return Watch(bench, SimpleNamespace(process=SimpleNamespace(poll=lambda: None)), sent)


def answer(number: int, of: int) -> Segmentation:
    """An answer with the header of one frame and the place of another."""
    header = Header(stamp=Time(sec=number, nanosec=5), frame_id=f"{NAME}{number}")
    x, y = corner(of)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[y : y + SIDE, x : x + SIDE] = 255
    box = BoundingBox(header=header, x=x, y=y, width=SIDE, height=SIDE)
    found = Segmentation.FOUND
    return Segmentation(header=header, query=QUERY, verdict=found, box=box, mask=to_message(mask, "mono8", header))


def test_an_answer_under_the_header_of_its_frame_is_right(watch, bench) -> None:
    bench.results.append(answer(3, 3))
    watch.listen(0.0)
    assert (watch.violations, watch.newest) == ([], 3)


@pytest.mark.parametrize("shift", ["frame", "stamp", "number", "size", "empty"])
def test_a_wrong_answer_is_noticed(watch, bench, shift) -> None:
    wrong = answer(3, 4 if shift == "frame" else 3)
    if shift == "stamp":
        wrong.header.stamp.nanosec += 1
    if shift == "number":
        wrong.header.frame_id = f"{NAME}10"
    if shift == "size":
        wrong.mask.height -= 1
        wrong.mask.data = wrong.mask.data[WIDTH:]
    if shift == "empty":
        wrong.verdict = Segmentation.NOT_FOUND
    bench.results.append(wrong)
    watch.listen(0.0)
    assert watch.violations


@pytest.mark.parametrize(
    ("name", "by", "grows"), [("megabytes", 0.02, False), ("megabytes", 0.2, True), ("threads", 1, True)]
)
def test_what_grows_is_noticed_and_what_comes_and_goes_is_not(watch, name, by, grows) -> None:
    for number in range(75):
        usual = Vitals(70.0 + 8.0 * (number % 3) + 15.0 * (number // 5 % 2), 21, 23 + number % 4)
        watch.samples.append(dataclasses.replace(usual, **{name: getattr(usual, name) + by * number}))
    watch.judge()
    assert [violation.split()[0] for violation in watch.violations] == [name] * grows


def test_a_short_soak_is_without_violations(tmp_path, capsys) -> None:
    assert soak(tmp_path, minutes=0.2, seed=4, rate=30.0) == []
    report = capsys.readouterr().out
    assert "0 violations" in report and "frames sent" in report
