"""An engine that fails image after image is loaded again, and the node says so and lives on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from diagnostic_msgs.msg import DiagnosticStatus

from refseg_ros.msg import Segmentation
from refseg_ros.node.model import FAILURES
from refseg_ros.srv import SegmentImage
from tests.bundles import write_bundle
from tests.ros.bench import picture
from tests.ros.breaking_bundle import BREAKING_WORD, write_breaking_bundle
from tests.ros.test_diagnostics import Reader, values


@pytest.fixture
def breaking(tmp_path) -> Path:
    return write_breaking_bundle(tmp_path / "bundle")


def times_loaded(status: DiagnosticStatus) -> int:
    return int(values(status)["times loaded"])


def replace(folder: Path, other: Path) -> None:
    """Put another bundle in the place of one, all files at once."""
    folder.rename(folder.with_name("broken"))
    other.rename(folder)


def show_until_told(bench, reader: Reader, name: str, look, what: str) -> DiagnosticStatus:
    """Show images until a status is as wanted."""
    return bench.show_until(picture(), lambda: reader.newest(name, look), what)


def test_an_engine_that_breaks_down_is_loaded_again_and_answers(start, bench, breaking, tmp_path) -> None:
    node = start("segment_node", model=str(breaking), threads=1)
    reader = Reader(bench)
    bench.wait_for_node()
    bench.ask("red")
    bench.answer(picture(), "red")
    replace(breaking, write_bundle(tmp_path / "whole"))
    bench.ask(BREAKING_WORD)
    # The node read the broken files at its start, so only one that was loaded again can answer this.
    answer = bench.answer(picture(), BREAKING_WORD)
    assert answer.verdict == Segmentation.FOUND
    reader.until(
        "model",
        lambda status, _: (times_loaded(status), status.level) == (2, DiagnosticStatus.OK),
        "a model that was loaded again",
    )
    camera = reader.until("camera", lambda status, told: int(told["failed"]) >= FAILURES, "the lost images")
    assert int(values(camera)["failed"]) == FAILURES
    assert f"the network is loaded again, for {FAILURES} images in a row were lost" in node.log.read_text()
    assert "fusion.onnx failed" in node.log.read_text()


def test_one_that_stays_broken_is_told_as_an_error_and_the_next_query_is_answered(start, bench, breaking) -> None:
    node = start("segment_node", model=str(breaking), threads=1)
    reader = Reader(bench)
    bench.wait_for_node()
    bench.ask(BREAKING_WORD)
    told = show_until_told(bench, reader, "model", lambda status, _: times_loaded(status) >= 3, "it loaded twice again")
    assert told.level == DiagnosticStatus.ERROR
    assert "images in a row were lost" in told.message
    show_until_told(bench, reader, "camera", lambda status, _: status.level == DiagnosticStatus.ERROR, "an error")
    bench.ask("")
    show_until_told(
        bench, reader, "camera", lambda status, _: status.level != DiagnosticStatus.ERROR, "images in order"
    )
    known = len(bench.results)
    bench.ask("red")
    assert bench.answer(picture(), "red").verdict == Segmentation.FOUND
    assert all(result.query == "red" for result in bench.results[known:])
    told = reader.until("model", lambda status, _: status.level == DiagnosticStatus.OK, "the end of the trouble")
    loads = times_loaded(told)
    for _ in range(3):
        bench.answer(picture(), "red")
    node.check()
    assert node.log.read_text().count("the network is loaded again") == loads - 1


def test_a_bundle_that_is_gone_when_it_is_wanted_again_is_told_and_waited_for(start, bench, breaking, tmp_path) -> None:
    node = start("segment_node", model=str(breaking), threads=1)
    reader = Reader(bench)
    bench.wait_for_node()
    away = breaking.rename(tmp_path / "away")
    bench.ask(BREAKING_WORD)
    told = show_until_told(
        bench, reader, "model", lambda status, _: "cannot be loaded again" in status.message, "a bundle that is gone"
    )
    assert told.level == DiagnosticStatus.ERROR
    assert str(breaking) in told.message
    segment = bench.client(SegmentImage, "/refseg/segment/segment_image")
    response = bench.request(lambda: segment.call_async(SegmentImage.Request(query="red")))
    assert not response.success
    bench.ask("red")
    shutil.copytree(away, breaking)
    assert bench.answer(picture(), "red").verdict == Segmentation.FOUND
    node.check()
