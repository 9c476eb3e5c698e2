"""Drive to what you name, and stop in front of it, facing it.

    python examples/nav2_go_to.py "the red chair"

The node `segment` needs depth and target_frame:=map. An action server of Nav2's type got the right goal; we have not
tried it with Nav2 itself. Exit code 0 when Nav2 says that the robot is there, else 1.
"""

from __future__ import annotations

import math
import sys

import rclpy
from action_msgs.msg import GoalStatus
from geometry_msgs.msg import Point, PoseStamped, Quaternion
from nav2_msgs.action import NavigateToPose
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.time import Time
from std_msgs.msg import Header
from tf2_ros import Buffer, TransformException, TransformListener

from refseg_ros.action import Locate

MAP, BASE = "map", "base_link"
TIMEOUT = 30.0
"""Seconds to look for the thing."""
DISTANCE = 0.8
"""Metres between the robot's middle and the near side of the thing."""


def in_front_of(thing: Point, radius: float, robot: Point) -> PoseStamped:
    """Where to stand: on the way from the robot to the thing, DISTANCE before it, facing it."""
    yaw = math.atan2(thing.y - robot.y, thing.x - robot.x)
    away = DISTANCE + radius
    pose = PoseStamped(header=Header(frame_id=MAP))
    pose.pose.position = Point(x=thing.x - away * math.cos(yaw), y=thing.y - away * math.sin(yaw))
    pose.pose.orientation = Quaternion(z=math.sin(yaw / 2), w=math.cos(yaw / 2))
    return pose


def result_of(node: Node, client: ActionClient, goal: object) -> object | None:
    """Send a goal and wait for its result; None if it is rejected or there is no server."""
    if not client.wait_for_server(timeout_sec=10.0):
        return None
    accepted = client.send_goal_async(goal)
    rclpy.spin_until_future_complete(node, accepted)
    if not accepted.result().accepted:
        return None
    ended = accepted.result().get_result_async()
    rclpy.spin_until_future_complete(node, ended)
    return ended.result()


def go_to(node: Node, expression: str) -> bool:
    """Locate a thing and drive to it; tell whether that went well."""
    frames = Buffer()
    listener = TransformListener(frames, node)  # fills the buffer while the node spins
    found = result_of(
        node, ActionClient(node, Locate, "/refseg/locate"), Locate.Goal(query=expression, timeout=TIMEOUT)
    )
    if found is None or found.result.outcome != Locate.Result.LOCATED:
        print(found.result.message if found else "nobody took the goal; does the node `segment` run? Its log says why")
        return False
    place = found.result.answer.placement
    if not place.known or place.frame_id != MAP:
        print(f"not placed in {MAP}: {place.reason or 'the node `segment` needs target_frame:=map and a depth_topic'}")
        return False
    try:
        robot = frames.lookup_transform(MAP, BASE, Time()).transform.translation
    except TransformException as error:
        print(f"where the robot is in {MAP} is not known: {error}")
        return False
    radius = math.hypot(place.size.x, place.size.y) / 2
    goal = NavigateToPose.Goal(pose=in_front_of(place.pose.position, radius, Point(x=robot.x, y=robot.y)))
    goal.pose.header.stamp = node.get_clock().now().to_msg()
    driven = result_of(node, ActionClient(node, NavigateToPose, "/navigate_to_pose"), goal)
    listener.unregister()
    return driven is not None and driven.status == GoalStatus.STATUS_SUCCEEDED


if __name__ == "__main__":
    if len(sys.argv) < 2:
        print(f"usage: python {sys.argv[0]} EXPRESSION", file=sys.stderr)
        sys.exit(2)
    rclpy.init()
    driver = rclpy.create_node("nav2_go_to")
    try:
        done = go_to(driver, sys.argv[1])
    except KeyboardInterrupt:
        done = False
    sys.exit(0 if done else 1)
