"""`refseg_ros.search` beside `refseg_ros.replay`, on the same bag."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("rosbags", reason="rosbags is not installed (the extra `replay`)")
pytest.importorskip("pyarrow", reason="pyarrow is not installed (the extra `search`)")

import pyarrow.parquet as pq
from pycocotools import mask as coco
from rclpy.serialization import deserialize_message

from refseg_ros.answer import Verdict
from refseg_ros.images.messages import to_array
from tests.ros.test_replay import TYPES, messages, read, record, replay
from tests.search.bags import search


@pytest.mark.parametrize("model", ["by-hand", "shipped"])
def test_a_bag_gets_the_same_answers(tmp_path, bundle_folder, model):
    bag = record(tmp_path / "bag", {"/camera/image_raw": messages()})
    folder, text = bundle_folder if model == "by-hand" else "", "the red mug; redder; the green mug"
    assert replay(bag, text, folder).returncode == 0
    result = search(bag, text, "--model", folder, "-o", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    rows = pq.read_table(tmp_path / "out" / "answers.parquet").to_pylist()
    answers = [
        (moment, deserialize_message(data, TYPES[topic]))
        for topic, moment, data in read(tmp_path / "bag.refseg")
        if topic == "/refseg/result"
    ]
    for row, (moment, answer) in zip(rows, answers, strict=True):
        stamp = answer.header.stamp.sec * 1_000_000_000 + answer.header.stamp.nanosec
        assert (row["moment"], row["stamp"], row["expression"]) == (moment, stamp, answer.query)
        assert row["verdict"] == Verdict(answer.verdict).name
        assert np.float32(row["score"]) == np.float32(answer.score)  # a message has 32 bits of it
        assert row["box"] == {name: getattr(answer.box, name) for name in ("x", "y", "width", "height")}
        assert np.array_equal(coco.decode(row["mask"]) * 255, to_array(answer.mask))
