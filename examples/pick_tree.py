"""Pick up what you name, as a behaviour tree: locate it, go above it, down, close, lift.

    python examples/pick_tree.py "the red mug"

The tree is one of py_trees (pip install py_trees). `Rails` talks to the robot of `python -m refseg_ros.demo.robot`. For
an arm write another class with `home`, `move`, `near`, `open` and `opening`, which is nan while nobody knows how far
apart the fingers are; moveit_arm.py has one for MoveIt. The node `segment` needs depth and target_frame:=world. Exit
code 0 when the gripper holds something in the air, else 1.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import py_trees
import rclpy
from geometry_msgs.msg import Point, PoseStamped, Quaternion
from py_trees.behaviour import Behaviour
from py_trees.common import Status
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import JointState, PointCloud2
from std_msgs.msg import Float64, Header, String

from refseg_ros.action import Locate

TIMEOUT = 30.0
"""Seconds to look for the thing."""
HEARD = 4.0
"""Seconds to wait for a goal to be accepted, or for points, before asking again: nodes that have just found each other
may lose messages."""
PATIENCE = 15.0
"""Seconds for the arm to get anywhere."""
ABOVE = 0.30
"""Metres over the table at which the gripper travels with nothing in its way."""
WIDEST, ROOM = 0.20, 0.03
"""Metres between the fingers, at most and more than the thing needs."""
DEEP = 0.04
"""Metres below a thing's middle that the tips go, but not into the table."""
OUTER = 0.4
"""Points that are farther than this share of the box's width from its middle show where the thing is widest."""
HELD = 0.01
"""Closed fingers that are more than this many metres apart hold something."""


@dataclass(frozen=True)
class Grasp:
    """Where to close the fingers, in the frame of the table (z up): metres and radians."""

    x: float
    y: float
    z: float
    turn: float
    width: float


def grasp_of(pose: PoseStamped, size: tuple[float, float, float], points: np.ndarray) -> Grasp:
    """Close across the shorter side of the thing's box, where it is widest: at a mug's body, not at its handle.

    Args:
        pose: of the box; its last axis points up, its first along the longer side.
        size: of the box along these axes, metres.
        points: (N, 3), of the thing, in the frame of the pose.
    """
    place, turn = pose.pose.position, pose.pose.orientation
    yaw = math.atan2(2 * (turn.w * turn.z + turn.x * turn.y), 1 - 2 * (turn.y**2 + turn.z**2))
    axes = np.array([[math.cos(yaw), math.sin(yaw)], [-math.sin(yaw), math.cos(yaw)]])
    along, across = axes @ (points[:, :2] - [place.x, place.y]).T
    widest = along[np.abs(across) > OUTER * size[1]]
    spare = max(size[0] - size[1], 0.0) / 2
    shift = float(np.clip(np.median(widest), -spare, spare)) if len(widest) else 0.0
    x, y = np.array([place.x, place.y]) + shift * axes[0]
    return Grasp(float(x), float(y), max(place.z - DEEP, 0.008), yaw, size[1])


class Rails:
    """The gripper of the demonstration's robot."""

    def __init__(self, node: Node) -> None:
        self._goal = node.create_publisher(PoseStamped, "/robot/gripper/goal", 10)
        self._opening = node.create_publisher(Float64, "/robot/gripper/opening", 10)
        self._state = [math.inf] * 5
        self.home: tuple[float, float, float, float] | None = None
        """Where it was at first: out of the camera's sight."""
        node.create_subscription(JointState, "/robot/gripper/state", self._on_state, 10)

    def move(self, x: float, y: float, z: float, turn: float) -> None:
        """Bring the tips' middle to a place, and turn about the vertical."""
        goal = PoseStamped(header=Header(frame_id="world"))
        goal.pose.position = Point(x=x, y=y, z=z)
        goal.pose.orientation = Quaternion(z=math.sin(turn / 2), w=math.cos(turn / 2))
        self._goal.publish(goal)

    def near(self, x: float, y: float, z: float, turn: float) -> bool:
        """Whether the gripper is there."""
        return math.dist(self._state[:3], (x, y, z)) < 0.01 and abs(math.sin(self._state[3] - turn)) < 0.05

    def open(self, width: float) -> None:
        """Open or close the fingers to this many metres, as far as the thing between them allows."""
        self._opening.publish(Float64(data=width))

    @property
    def opening(self) -> float:
        """Metres between the fingers."""
        return self._state[4]

    def _on_state(self, state: JointState) -> None:
        self._state = list(state.position)
        self.home = self.home or tuple(self._state[:4])


class Find(Behaviour):
    """Look for the thing until it stands still, and remember where to grasp it."""

    def __init__(self, node: Node, expression: str) -> None:
        super().__init__(f"find {expression}")
        self.grasp: Grasp | None = None
        self._expression = expression
        self._client = ActionClient(node, Locate, "/refseg/locate")
        self._points = np.zeros((0, 3))
        # The action waits; the topic gets the query, too, because only its answers come with points.
        kept = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._query = node.create_publisher(String, "/refseg/query", kept)
        node.create_subscription(PointCloud2, "/refseg/cloud", self._on_cloud, 1)

    def initialise(self) -> None:
        """Begin a new search."""
        self.grasp, self._points = None, np.zeros((0, 3))
        self._asked = 0.0
        self._until = time.monotonic() + TIMEOUT + PATIENCE
        self._accepted = self._ended = None

    def update(self) -> Status:
        """Wait for the result and the points."""
        if time.monotonic() > self._until:
            heard = self._ended is not None and self._ended.done()
            missing = "nobody answers" if not heard else "no points come on /refseg/cloud"
            self.feedback_message = f"{missing}; does the node `segment` run, with a depth_topic?"
            return Status.FAILURE
        if not len(self._points) and time.monotonic() > self._asked + HEARD:
            self._query.publish(String(data=self._expression))
            self._asked = time.monotonic()
        if self._accepted is None:
            if self._client.server_is_ready():
                self._accepted = self._client.send_goal_async(Locate.Goal(query=self._expression, timeout=TIMEOUT))
                self._resent = time.monotonic() + HEARD
        elif self._ended is None:
            if self._accepted.done():
                if not self._accepted.result().accepted:
                    self.feedback_message = "the goal was rejected; the log of the node `segment` says why"
                    return Status.FAILURE
                self._ended = self._accepted.result().get_result_async()
            elif time.monotonic() > self._resent:
                self._accepted = None
        elif self._ended.done() and (len(self._points) or not self._found()):
            return self._judged(self._ended.result().result)
        return Status.RUNNING

    def terminate(self, new_status: Status) -> None:
        """Stop asking."""
        self._query.publish(String(data=""))

    def _found(self) -> bool:
        result = self._ended.result().result
        return result.outcome == Locate.Result.LOCATED and result.answer.placement.known

    def _judged(self, result: Locate.Result) -> Status:
        place = result.answer.placement
        if not self._found():
            self.feedback_message = result.message if result.outcome != Locate.Result.LOCATED else place.reason
            return Status.FAILURE
        pose = PoseStamped(header=Header(frame_id=place.frame_id), pose=place.pose)
        self.grasp = grasp_of(pose, (place.size.x, place.size.y, place.size.z), self._points)
        return Status.SUCCESS

    def _on_cloud(self, cloud: PointCloud2) -> None:
        """Keep the points of the answers while this looks; x, y and z come first in each."""
        if self.status == Status.RUNNING and cloud.width * cloud.height:
            rows = np.frombuffer(bytes(cloud.data), np.uint8).reshape(-1, cloud.point_step)
            self._points = rows[:, :12].copy().view(np.float32).astype(float)


class Act(Behaviour):
    """Repeat a command to the robot until it is done; fail after PATIENCE."""

    def __init__(self, name: str, tell: Callable[[], None], is_so: Callable[[], bool]) -> None:
        super().__init__(name)
        self._tell, self._is_so = tell, is_so

    def initialise(self) -> None:
        """Begin to wait."""
        self._until = time.monotonic() + PATIENCE

    def update(self) -> Status:
        """Give the command, and check."""
        if time.monotonic() > self._until:
            self.feedback_message = f"not done after {PATIENCE:g} s"
            return Status.FAILURE
        self._tell()
        return Status.SUCCESS if self._is_so() else Status.RUNNING


class Close(Behaviour):
    """Close the fingers until they rest on what is between them."""

    def __init__(self, robot: Rails) -> None:
        super().__init__("close")
        self._robot = robot

    def initialise(self) -> None:
        """Begin to wait."""
        self._rested, self._last = time.monotonic(), math.inf

    def update(self) -> Status:
        """Done when nothing has changed for a second."""
        self._robot.open(0.0)
        if not abs(self._robot.opening - self._last) <= 0.001:  # true for nan, too
            self._rested, self._last = time.monotonic(), self._robot.opening
        return Status.SUCCESS if time.monotonic() - self._rested > 1.0 else Status.RUNNING


class Hold(Behaviour):
    """Whether closed fingers have something between them."""

    def __init__(self, robot: Rails) -> None:
        super().__init__("hold")
        self._robot = robot

    def update(self) -> Status:
        """Look at the fingers."""
        return Status.SUCCESS if self._robot.opening > HELD else Status.FAILURE


def tree_of(node: Node, robot: Rails, expression: str) -> Behaviour:
    """The tree of one pick, tried twice."""
    find = Find(node, expression)

    def go(name: str, height: Callable[[Grasp], float]) -> Act:
        def place() -> tuple[float, float, float, float]:
            return find.grasp.x, find.grasp.y, height(find.grasp), find.grasp.turn

        return Act(name, lambda: robot.move(*place()), lambda: robot.near(*place()))

    def opened() -> float:
        return min(find.grasp.width + 2 * ROOM, WIDEST)

    pick = py_trees.composites.Sequence(f"pick {expression}", memory=True)
    pick.add_children(
        [
            Act(
                "go home",
                lambda: robot.home and robot.move(*robot.home),
                lambda: robot.home and robot.near(*robot.home),
            ),
            find,
            go("go above", lambda grasp: ABOVE),
            Act("open", lambda: robot.open(opened()), lambda: abs(robot.opening - opened()) < 0.01),
            go("go down", lambda grasp: grasp.z),
            Close(robot),
            go("lift", lambda grasp: grasp.z + ABOVE),
            Hold(robot),
        ]
    )
    return py_trees.decorators.Retry("twice", pick, num_failures=2)


def run(node: Node, tree: Behaviour) -> bool:
    """Tick the tree until it is done, and print each step."""
    said = ""
    while rclpy.ok():
        rclpy.spin_once(node, timeout_sec=0.02)
        tree.tick_once()
        tip = tree.tip()
        doing = f"{tip.name}: {tip.status.value.lower()} {tip.feedback_message}".strip() if tip else ""
        if doing != said:
            print(doing, flush=True)
            said = doing
        if tree.status != Status.RUNNING:
            return tree.status == Status.SUCCESS
    return False


def main(robot: Callable[[Node], Rails]) -> int:
    """Pick what the command line names, with a robot of this class; returns the exit code."""
    if len(sys.argv) < 2:
        print(f"usage: python {sys.argv[0]} EXPRESSION", file=sys.stderr)
        return 2
    rclpy.init()
    picker = rclpy.create_node("picker")
    try:
        done = run(picker, tree_of(picker, robot(picker), sys.argv[1]))
    except KeyboardInterrupt:
        done = False
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main(Rails))
