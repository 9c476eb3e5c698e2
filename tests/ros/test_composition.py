"""Several nodes in one process and one executor, as a user composes them."""

from __future__ import annotations

import threading

import cv2
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter

from refseg_ros.msg import Segmentation
from refseg_ros.node.camera_node import CameraNode
from refseg_ros.node.segment_node import SegmentNode
from tests.ros.bench import GREEN, RED, picture


def overrides(**values: object) -> list[Parameter]:
    return [Parameter(name, value=value) for name, value in values.items()]


def test_two_cameras_and_two_nodes_answer_in_one_process(bundle_folder, bench, tmp_path) -> None:
    context = rclpy.Context()
    rclpy.init(context=context)
    executor = SingleThreadedExecutor(context=context)
    answers: dict[str, list[Segmentation]] = {"left": [], "right": []}
    cameras, segments = [], []
    for (side, heard), colour in zip(answers.items(), (RED, GREEN), strict=True):
        (tmp_path / side).mkdir()
        cv2.imwrite(str(tmp_path / side / "picture.png"), picture(colour)[..., ::-1])
        shown = overrides(source=str(tmp_path / side))
        cameras.append(CameraNode(context=context, namespace=f"/{side}/camera", parameter_overrides=shown))
        wanted = overrides(
            model=str(bundle_folder), threads=1, query="red", image_topic=f"/{side}/camera/image_raw", max_frame_age=0.0
        )
        segments.append(SegmentNode(context=context, namespace=f"/{side}", parameter_overrides=wanted))
        bench.node.create_subscription(Segmentation, f"/{side}/result", heard.append, 50)
    try:
        for node in (*cameras, *segments):
            executor.add_node(node)
        assert all(node.start() for node in segments)
        spinning = threading.Thread(target=executor.spin, daemon=True)
        spinning.start()
        bench.until(lambda: all(len(heard) > 2 for heard in answers.values()), "answers of both")
        assert {one.verdict for one in answers["left"]} == {Segmentation.FOUND}
        assert {one.verdict for one in answers["right"]} == {Segmentation.NOT_FOUND}
        stamps = [one.header.stamp for one in answers["left"]]
        assert len({(stamp.sec, stamp.nanosec) for stamp in stamps}) == len(stamps)
    finally:
        executor.shutdown()
        spinning.join(30)
        for node in (*cameras, *segments):
            assert node.close()
            node.destroy_node()
        rclpy.shutdown(context=context)

    def still_there() -> set[str]:
        return {space for _, space in bench.node.get_node_names_and_namespaces()} & {"/left", "/right"}

    bench.until(lambda: not still_there(), "the end of the destroyed nodes, which are still referred to here")
