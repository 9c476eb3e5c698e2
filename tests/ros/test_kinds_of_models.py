"""LASTC and VLIDE, tiny and with weights at random: the node says what the library says of the same image."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from model_training.networks.base import System
from refseg_ros import Segmenter
from tests.model_training.networks.systems import lastc, vlide, written
from tests.ros.bench import picture

# With less inside than in the tests of the networks: exporting is what takes the time.
SMALLEST = {
    "lastc": partial(lastc, update="none", lasp="none"),
    "vlide": partial(vlide, levels=(5,), dils=(1,), groups=(1, 1, 1)),
}


@pytest.mark.parametrize("make", SMALLEST.values(), ids=SMALLEST)
def test_a_system_answers_over_dds(start, bench, tmp_path: Path, make: Callable[[], System]) -> None:
    """The image stays, so that its past says the same, however long it is."""
    folder = written(make(), tmp_path / "model")
    start("segment_node", model=str(folder), threads=1, query="the red mug")
    expected = Segmenter(folder, threads=1).segment(picture(), "the red mug")
    for _ in range(3):
        result = bench.answer(picture(), "the red mug")
        assert result.score == pytest.approx(expected.score, abs=1e-5)
        assert list(result.words) == ["the", "red", "mug"] and result.levels == len(expected.word_attention)
        assert list(result.word_attention) == pytest.approx(expected.word_attention.ravel().tolist(), abs=1e-5)
