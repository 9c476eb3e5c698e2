"""The pick of pick_tree.py with an arm that MoveIt plans for.

    python examples/moveit_arm.py "the red mug"

Change the names below to your robot's. The node `segment` needs depth and target_frame:=FRAME. It has lifted the mug in
simulation, through two action servers of the types of MoveIt and of a gripper's controller; we have not tried it with
MoveIt itself.
"""

from __future__ import annotations

import math
import sys

from control_msgs.action import GripperCommand
from geometry_msgs.msg import Point, Pose, Quaternion
from moveit_msgs.action import MoveGroup
from moveit_msgs.msg import BoundingVolume, Constraints, MoveItErrorCodes, OrientationConstraint, PositionConstraint
from pick_tree import main
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.task import Future
from shape_msgs.msg import SolidPrimitive
from std_msgs.msg import Header

FRAME = "world"
GROUP, TIP = "manipulator", "tool0"
"""Planning group, and the link whose origin is between the finger tips and whose z axis points out of the hand."""
GRIPPER = "/gripper_controller/gripper_cmd"
EFFORT = 20.0
"""Of the gripper, newtons."""
HOME = (0.3, 0.0, 0.6, 0.0)
"""Place of the tips' middle and turn of the hand where it does not hide the table from the camera."""
TOLERANCE = 0.005
"""Metres and radians."""


class MoveItArm:
    """The robot that pick_tree.py needs. The tree repeats its commands; only a new goal is sent."""

    def __init__(self, node: Node) -> None:
        self._move = ActionClient(node, MoveGroup, "/move_action")
        self._grip = ActionClient(node, GripperCommand, GRIPPER)
        self._wanted: tuple[float, ...] | None = None
        self._reached: tuple[float, ...] | None = None
        self._width: float | None = None
        self.home = HOME
        self.opening = math.nan
        """Metres between the fingers, after their last command; nan while they move."""

    def move(self, x: float, y: float, z: float, turn: float) -> None:
        """Bring the tips' middle to a place, the hand pointing down and turned about the vertical."""
        wanted = (x, y, z, turn)
        if self._wanted == wanted or not self._move.server_is_ready():
            return
        self._wanted, self._reached = wanted, None
        goal = MoveGroup.Goal()
        goal.request.group_name = GROUP
        goal.request.num_planning_attempts = 5
        goal.request.allowed_planning_time = 3.0
        goal.request.max_velocity_scaling_factor = goal.request.max_acceleration_scaling_factor = 0.3
        goal.request.goal_constraints = [_at(x, y, z, turn)]
        self._move.send_goal_async(goal).add_done_callback(lambda sent: self._then(sent, wanted))

    def near(self, x: float, y: float, z: float, turn: float) -> bool:
        """Whether MoveIt has brought the hand there."""
        return self._reached == (x, y, z, turn)

    def open(self, width: float) -> None:
        """Open or close the fingers to this many metres, as far as the thing between them allows."""
        if self._width == width or not self._grip.server_is_ready():
            return
        self._width, self.opening = width, math.nan
        goal = GripperCommand.Goal()
        goal.command.position, goal.command.max_effort = width, EFFORT
        self._grip.send_goal_async(goal).add_done_callback(self._gripping)

    def _then(self, sent: Future, wanted: tuple[float, ...]) -> None:
        def ended(done: Future) -> None:
            if done.result().result.error_code.val == MoveItErrorCodes.SUCCESS:
                self._reached = wanted
            else:
                self._forget(wanted)

        if sent.result().accepted:
            sent.result().get_result_async().add_done_callback(ended)
        else:
            self._forget(wanted)

    def _forget(self, wanted: tuple[float, ...]) -> None:
        """Let a goal that was rejected, or not reached, be sent again."""
        if self._wanted == wanted:
            self._wanted = None

    def _gripping(self, sent: Future) -> None:
        def ended(done: Future) -> None:
            self.opening = done.result().result.position

        if sent.result().accepted:
            sent.result().get_result_async().add_done_callback(ended)
        else:
            self._width = None


def _at(x: float, y: float, z: float, turn: float) -> Constraints:
    """A goal: the middle of the tips at a place, the hand pointing down."""
    header = Header(frame_id=FRAME)
    down = Quaternion(x=math.cos(turn / 2), y=math.sin(turn / 2), z=0.0, w=0.0)
    region = BoundingVolume(
        primitives=[SolidPrimitive(type=SolidPrimitive.SPHERE, dimensions=[TOLERANCE])],
        primitive_poses=[Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(w=1.0))],
    )
    return Constraints(
        position_constraints=[PositionConstraint(header=header, link_name=TIP, constraint_region=region, weight=1.0)],
        orientation_constraints=[
            OrientationConstraint(
                header=header,
                link_name=TIP,
                orientation=down,
                absolute_x_axis_tolerance=TOLERANCE,
                absolute_y_axis_tolerance=TOLERANCE,
                absolute_z_axis_tolerance=TOLERANCE,
                weight=1.0,
            )
        ],
    )


if __name__ == "__main__":
    sys.exit(main(MoveItArm))
