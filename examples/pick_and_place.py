"""Look for a thing until it stands still, then hand its pose to your arm.

    python examples/pick_and_place.py "the red mug"

The action `/refseg/locate` does the waiting: it succeeds once the thing was found at the same place in enough images
in a row. `grasp` is yours to write; here it prints what it was given. Exit code 0 when it was called, else 1.
"""

import sys

import rclpy
from geometry_msgs.msg import PoseStamped, Vector3
from rclpy.action import ActionClient
from rclpy.node import Node

from refseg_ros.action import Locate

TIMEOUT = 30.0
"""Seconds to look for the thing."""


def grasp(pose: PoseStamped, size: Vector3) -> None:
    """Your arm. The pose is the middle of the thing's box, with the axes of the box; z is up for a standing thing."""
    point, frame = pose.pose.position, pose.header.frame_id
    print(f"grasp at {point.x:.3f} {point.y:.3f} {point.z:.3f} m in {frame}", end=", ")
    print(f"the thing measures {size.x:.3f} x {size.y:.3f} x {size.z:.3f} m")


def pick(node: Node, expression: str) -> bool:
    """Locate a thing and grasp it; tell whether that went well."""
    client = ActionClient(node, Locate, "/refseg/locate")
    if not client.wait_for_server(timeout_sec=10.0):
        print("nobody offers /refseg/locate; is the node `segment` running?")
        return False
    accepted = client.send_goal_async(Locate.Goal(query=expression, timeout=TIMEOUT))
    rclpy.spin_until_future_complete(node, accepted)
    goal = accepted.result()
    if not goal.accepted:
        print("the goal was rejected; the log of the node `segment` says why")
        return False
    ended = goal.get_result_async()
    rclpy.spin_until_future_complete(node, ended)
    result = ended.result().result
    if result.outcome != Locate.Result.LOCATED:
        print(f"not located: {result.message}")
        return False
    answer = result.answer
    if not answer.placement.known:
        print(f"found, but not in space: {answer.placement.reason or 'the node has no depth_topic'}")
        return False
    pose = PoseStamped(header=answer.header, pose=answer.placement.pose)
    pose.header.frame_id = answer.placement.frame_id
    grasp(pose, answer.placement.size)
    return True


if len(sys.argv) < 2:
    print(f"usage: python {sys.argv[0]} EXPRESSION", file=sys.stderr)
    sys.exit(2)
rclpy.init()
node = rclpy.create_node("picker")
try:
    done = pick(node, sys.argv[1])
except KeyboardInterrupt:
    done = False
sys.exit(0 if done else 1)
