"""A few hundred malformed inputs for the real node; docs/faults.md has the figures of a long run."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image

from tests.property import inputs
from tests.property.malformed import run
from tests.property.wire import Wire


def test_no_malformed_input_ends_or_hangs_the_node(tmp_path) -> None:
    told: list[str] = []
    attacker = run(tmp_path, count=600, seed=3, tell=told.append)
    assert attacker.total >= 600
    assert min(attacker.counts[kind] for kind in ("images", "texts", "parameters", "images of the service")) > 40
    assert int(attacker.told["refused"]) > 0 and int(attacker.told["failed"]) == 0
    assert any("images of the service" in line for line in told)


def test_the_same_seed_gives_the_same_inputs() -> None:
    def drawn(seed: int) -> list[object]:
        random = np.random.default_rng(seed)
        kinds = (inputs.image, inputs.depth, inputs.compressed, inputs.calibration)
        messages = [(wire.clean(), wire.texts) for kind in kinds for wire in (kind(random, 10.0) for _ in range(4))]
        return [
            *messages,
            *(inputs.query(random).texts for _ in range(20)),
            *(inputs.parameter(random) for _ in range(50)),
        ]

    assert repr(drawn(5)) == repr(drawn(5))  # a number that is none equals nothing
    assert repr(drawn(5)) != repr(drawn(6))


def test_texts_that_can_be_written_are_on_the_wire_as_by_ros() -> None:
    message = Image(height=1, width=2, encoding="mono8", step=2, data=[1, 2])
    message.header.frame_id = "caméra"
    texts = {"header.frame_id": "caméra".encode(), "encoding": b"mono8"}
    wire = Wire(Image(height=1, width=2, step=2, data=[1, 2]), texts)
    assert deserialize_message(wire.raw(), Image) == message
    assert wire.clean() == message
