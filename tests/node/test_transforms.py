"""A transform that comes a little late is waited for; one that came no more for long is not."""

from __future__ import annotations

from threading import Timer

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("tf2_msgs", reason="tf2_msgs is not installed")

import rclpy
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from refseg_ros.demo.processes import stay_on_this_machine
from refseg_ros.node import transforms
from refseg_ros.ros.faults import FaultLog
from refseg_ros.space.transforms import TransformError


def message(seconds: int, x: float) -> TFMessage:
    item = TransformStamped(header=Header(stamp=Time(sec=seconds), frame_id="map"), child_frame_id="camera")
    item.transform.translation.x = x
    return TFMessage(transforms=[item])


@pytest.fixture
def receiver(monkeypatch):
    monkeypatch.setattr(transforms, "PATIENCE", 60.0)
    monkeypatch.setattr(transforms, "SILENCE", 5.0)
    stay_on_this_machine()
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("robot", context=context)
    yield transforms.Transforms(node, "/map", FaultLog(lambda _: None))
    node.destroy_node()
    rclpy.shutdown(context=context)


def test_what_comes_late_is_waited_for(receiver):
    receiver._on_transforms(message(100, 1.0), is_static=False)
    late = Timer(0.05, receiver._on_transforms, (message(102, 3.0), False))
    late.start()
    found = receiver.at(Header(stamp=Time(sec=101), frame_id="camera"))
    late.join()
    assert found.translation[0] == pytest.approx(2.0)


def test_what_ended_long_ago_is_not_waited_for(receiver):
    """The waiting would take a minute, and in the robot a tenth of a second of every image."""
    receiver._on_transforms(message(100, 1.0), is_static=False)
    with pytest.raises(TransformError, match="ends 6 s before"):
        receiver.at(Header(stamp=Time(sec=106), frame_id="camera"))
    with pytest.raises(TransformError, match="begins 1 s after"):
        receiver.at(Header(stamp=Time(sec=99), frame_id="camera"))
