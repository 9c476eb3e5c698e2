"""The pick of examples/pick_tree.py over DDS: the node finds the mug, the gripper lifts it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")
pytest.importorskip("mujoco", reason="the simulator is not installed")
pytest.importorskip("py_trees", reason="py_trees is not installed")

import rclpy
from geometry_msgs.msg import PoseStamped, Quaternion
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64, Header

from benchmarks.picking import TREE
from tests.ros.bench import Bench
from tests.ros.conftest import Starter


@pytest.fixture
def tree(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The example, which is no module of a package."""
    spec = importlib.util.spec_from_file_location("pick_tree", TREE)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "pick_tree", module)  # its dataclass looks itself up there
    spec.loader.exec_module(module)
    return module


def test_the_red_mug_is_lifted(tmp_path: Path) -> None:
    """In processes of its own, as a user would start them."""
    command = [sys.executable, "-m", "benchmarks.picking", "--scenes", "1"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "hold: success" in done.stdout and "lifted the red mug in 1 of 1 scenes" in done.stdout


def test_a_goal_that_is_not_finite_changes_nothing(start: Starter, bench: Bench, tmp_path: Path) -> None:
    """With it the physics would have ended for good."""
    robot = start("demo.robot", width=64, height=48)
    goals = bench.node.create_publisher(PoseStamped, "/robot/gripper/goal", 10)
    openings = bench.node.create_publisher(Float64, "/robot/gripper/opening", 10)
    states: list[JointState] = []
    bench.node.create_subscription(JointState, "/robot/gripper/state", states.append, 10)
    bench.until(lambda: states and goals.get_subscription_count() and openings.get_subscription_count(), "the robot")

    def goal(x: float, turn: float) -> PoseStamped:
        pose = PoseStamped(header=Header(frame_id="world"))
        pose.pose.position.x, pose.pose.position.z, pose.pose.orientation.w = x, 0.3, turn
        return pose

    def refused() -> bool:
        for bad in (goal(float("nan"), 1.0), goal(0.1, float("inf"))):
            goals.publish(bad)
        openings.publish(Float64(data=float("nan")))
        bench.listen(0.1)
        told = robot.log.read_text()
        return told.count("gripper/goal is not finite") > 1 and "gripper/opening is not finite" in told

    bench.until(refused, "a line for each")

    def is_there() -> bool:
        goals.publish(goal(0.1, 1.0))
        bench.listen(0.1)
        return np.allclose(states[-1].position[:3], [0.1, 0.0, 0.3], atol=0.01)

    bench.until(is_there, "the gripper at its goal")


def test_without_the_node_the_tree_gives_up_and_says_why(
    tree: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tree, "TIMEOUT", 0.0)
    monkeypatch.setattr(tree, "PATIENCE", 1.0)
    rclpy.init()
    try:
        node = rclpy.create_node("pick_tree")
        assert not tree.run(node, tree.Find(node, "the red mug"))
        node.destroy_node()
    finally:
        rclpy.shutdown()
    assert "nobody answers; does the node `segment` run, with a depth_topic?" in capsys.readouterr().out


def test_the_body_is_grasped_and_not_the_handle(tree: ModuleType) -> None:
    """Of a round body only the half that faces the camera is seen."""
    pose = PoseStamped()
    pose.pose.position.x, pose.pose.position.z = 0.5, 0.05
    pose.pose.orientation = Quaternion(z=np.sin(0.3), w=np.cos(0.3))
    angle = np.linspace(0.0, np.pi, 60)
    body = np.stack([-0.02 + 0.04 * np.cos(angle + 1.0), 0.04 * np.sin(angle + 1.0)], axis=1)
    handle = np.stack([np.linspace(0.02, 0.06, 60), np.zeros(60)], axis=1)
    axes = np.array([[np.cos(0.6), np.sin(0.6)], [-np.sin(0.6), np.cos(0.6)]])
    points = np.pad([0.5, 0.0] + np.concatenate([body, handle]) @ axes, ((0, 0), (0, 1)))
    grasp = tree.grasp_of(pose, (0.12, 0.08, 0.1), points)
    assert (grasp.turn, grasp.width, grasp.z) == pytest.approx((0.6, 0.08, 0.01))
    assert np.array([grasp.x, grasp.y]) == pytest.approx([0.5, 0.0] + np.array([-0.02, 0.0]) @ axes, abs=0.004)
    assert tree.grasp_of(pose, (0.08, 0.08, 0.1), points).x == pytest.approx(0.5)  # of a square box the middle
